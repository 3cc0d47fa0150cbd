//! Cursors: places in the results of a query, as bytes that only such a query takes.
//!
//! ```text
//! version (1) | shape of the query (8) | side (1) | ascending value of each column, path of the key, END
//! ```
//! Values are kept upright and the side as seen from below, so a cursor serves the reversed query too. A cursor of a
//! distinct query holds the group's columns only: it stands behind the whole group.

use bytes::{BufMut, Bytes, BytesMut};
use model::encoding::{END, after_prefix, read_ids};
use model::entity::encoding::value_length;
use model::entity::query::{EntityFilter, EntityQuery};
use model::entity::validate::KEY_PROPERTY;
use model::query::Direction;
use model::{DocumentPath, Status};

use super::normal::OrderColumn;
use crate::normal::{Edge, Tail};
use crate::span::inverted;

const VERSION: u8 = 1;
const SHAPE_BYTES: usize = 8;
const HEAD_BYTES: usize = 1 + SHAPE_BYTES + 1;
/// For how many cursors memory is taken at a time, when the first of them has its length.
const CURSORS_AT_ONCE: usize = 16;

/// A place between results.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Position {
    side: Side,
    /// The columns' bytes, each upright; the key's path is closed by [`END`].
    pieces: Vec<Vec<u8>>,
}

/// On which side of the result, or group of results, that its pieces name.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    /// Before all results, in the order of the query.
    Begin = 0,
    /// Where smaller ones are.
    Below = 1,
    /// Where greater ones are.
    Above = 2,
    /// Behind a group, in the order of the query.
    AfterGroup = 3,
}

impl Position {
    /// Before everything.
    pub fn begin() -> Self {
        Position { side: Side::Begin, pieces: Vec::new() }
    }

    /// Reads a cursor.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when it is none, or one of another query.
    pub fn read(bytes: &[u8], shape: u64, order: &[OrderColumn]) -> Result<Self, Status> {
        let malformed = || Status::invalid_argument("Error parsing protocol message");
        let (&VERSION, rest) = bytes.split_first().ok_or_else(malformed)? else { return Err(malformed()) };
        let (own, rest) = rest.split_first_chunk::<SHAPE_BYTES>().ok_or_else(malformed)?;
        if *own != shape.to_be_bytes() {
            return Err(Status::invalid_argument("cursor does not match query"));
        }
        let (side, mut rest) = rest.split_first().ok_or_else(malformed)?;
        let side = match side {
            0 => Side::Begin,
            1 => Side::Below,
            2 => Side::Above,
            3 => Side::AfterGroup,
            _ => return Err(malformed()),
        };
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let column = order.get(pieces.len()).ok_or_else(malformed)?;
            let (piece, after) = rest.split_at(upright_length(rest, column).ok_or_else(malformed)?);
            pieces.push(piece.to_vec());
            rest = after;
        }
        let whole = pieces.len() == order.len();
        let legal = match side {
            Side::Begin => pieces.is_empty(),
            Side::Below | Side::Above => whole,
            Side::AfterGroup => !pieces.is_empty() && !whole,
        };
        if legal { Ok(Position { side, pieces }) } else { Err(malformed()) }
    }

    /// The cursor for clients.
    pub fn write(&self, shape: u64) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEAD_BYTES + self.pieces.iter().map(Vec::len).sum::<usize>());
        push_head(&mut bytes, shape, self.side);
        self.pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
        bytes.freeze()
    }

    /// The least place that lies behind it. None: nothing does.
    pub fn edge(&self, order: &[OrderColumn]) -> Option<Vec<u8>> {
        let columns = self.columns(order);
        match self.side {
            Side::Begin => Some(Vec::new()),
            Side::AfterGroup => after_prefix(&columns.concat()),
            Side::Below | Side::Above => {
                let (last, before) = columns.split_last()?;
                let last = self.behind_last(last, order)?;
                Some([before.concat(), last].concat())
            }
        }
    }

    /// The same edge, for reads whose rows end with the key and lack some of the columns before.
    pub fn between(&self, order: &[OrderColumn]) -> Edge {
        let mut values = self.columns(order);
        let tail = match self.side {
            Side::Begin => Tail::Before,
            Side::AfterGroup => Tail::After,
            Side::Below | Side::Above => {
                let last = values.pop().expect("a whole place has a key");
                Tail::Name(self.behind_last(&last, order))
            }
        };
        Edge { values, tail }
    }

    /// The pieces as places have them.
    fn columns(&self, order: &[OrderColumn]) -> Vec<Vec<u8>> {
        let all = self.pieces.iter().zip(order).enumerate();
        all.map(|(n, (piece, column))| directed(piece, column, n + 1 == order.len())).collect()
    }

    /// The edge at the last column: before it, or behind.
    fn behind_last(&self, last: &[u8], order: &[OrderColumn]) -> Option<Vec<u8>> {
        if self.side != behind(order) {
            return Some(last.to_vec());
        }
        match order.last()? {
            // Some indexes close their paths and others do not: the edge lies above both, and below all that is
            // below the path.
            OrderColumn { name: None, direction: Direction::Ascending } => Some([last, &[END + 1]].concat()),
            OrderColumn { name: None, direction: Direction::Descending } => {
                after_prefix(&last[..last.len() - 1])
            }
            // Everything that begins with a whole place and is longer sorts behind it.
            OrderColumn { name: Some(_), .. } => Some([last, &[0]].concat()),
        }
    }
}

/// Writes cursors of one answer, one behind the other in the same memory.
#[derive(Default)]
pub(super) struct CursorWriter(BytesMut);

impl CursorWriter {
    /// The cursor directly behind the result at `place`; behind its whole group, when a result must be the first for
    /// the first `distinct` columns.
    ///
    /// # Errors
    /// INTERNAL for a place that is none of this order.
    pub fn behind(
        &mut self,
        place: &[u8],
        order: &[OrderColumn],
        distinct: usize,
        shape: u64,
    ) -> Result<Bytes, Status> {
        let CursorWriter(bytes) = self;
        let length = HEAD_BYTES + place.len() + 1;
        if bytes.capacity() < length {
            bytes.reserve(length * CURSORS_AT_ONCE);
        }
        push_head(bytes, shape, if distinct > 0 { Side::AfterGroup } else { behind(order) });
        let wanted = if distinct > 0 { distinct } else { order.len() };
        for piece in pieces(place, order).take(wanted) {
            let (column, piece) = piece?;
            push_upright(bytes, piece, column, order);
        }
        Ok(bytes.split().freeze())
    }
}

fn push_head(bytes: &mut BytesMut, shape: u64, side: Side) {
    bytes.put_u8(VERSION);
    bytes.put_u64(shape);
    bytes.put_u8(side as u8);
}

/// The side of what comes later in an order.
fn behind(order: &[OrderColumn]) -> Side {
    match order.last().map(|column| column.direction) {
        Some(Direction::Descending) => Side::Below,
        Some(Direction::Ascending) | None => Side::Above,
    }
}

/// An upright piece as a place has it: see [`push_path`] for keys.
fn directed(piece: &[u8], column: &OrderColumn, is_last: bool) -> Vec<u8> {
    match (column.direction, &column.name) {
        (Direction::Descending, _) => inverted(piece),
        (Direction::Ascending, None) if is_last => piece[..piece.len() - 1].to_vec(),
        (Direction::Ascending, _) => piece.to_vec(),
    }
}

/// Appends the bytes of a path as a column of a place: closed by [`END`], but for an ascending one that is last,
/// where index entries have none either.
pub(super) fn push_path(place: &mut Vec<u8>, path: &[u8], direction: Direction, is_last: bool) {
    match direction {
        Direction::Ascending => {
            place.extend_from_slice(path);
            if !is_last {
                place.push(END);
            }
        }
        Direction::Descending => {
            place.extend(path.iter().map(|byte| !byte));
            place.push(!END);
        }
    }
}

/// The columns of a place, as they stand in it.
pub(super) fn split<'p>(place: &'p [u8], order: &'p [OrderColumn]) -> Result<Vec<&'p [u8]>, Status> {
    let mut split = Vec::with_capacity(order.len());
    for piece in pieces(place, order) {
        split.push(piece?.1);
    }
    Ok(split)
}

/// The same one by one, each with what it is a column of. A place that is none of the order ends with an error.
fn pieces<'p>(
    place: &'p [u8],
    order: &'p [OrderColumn],
) -> impl Iterator<Item = Result<(&'p OrderColumn, &'p [u8]), Status>> {
    let mut rest = place;
    order.iter().enumerate().map(move |(n, column)| {
        let is_last = n + 1 == order.len();
        let length = piece_length(rest, column, is_last).filter(|length| !is_last || *length == rest.len());
        let length = length.ok_or_else(|| Status::internal("A place of a result is none of its order."))?;
        let (piece, after) = rest.split_at(length);
        rest = after;
        Ok((column, piece))
    })
}

/// The length of a column, as it stands at the beginning of `bytes`.
fn piece_length(bytes: &[u8], column: &OrderColumn, is_last: bool) -> Option<usize> {
    let descending = column.direction == Direction::Descending;
    match column.name {
        Some(_) => value_length(bytes, descending).ok(),
        None if is_last => Some(bytes.len()),
        None if descending => path_length(&inverted(bytes)),
        None => path_length(bytes),
    }
}

/// Appends a column of a place the right way up; a path with its [`END`].
fn push_upright(out: &mut BytesMut, piece: &[u8], column: &OrderColumn, order: &[OrderColumn]) {
    let is_open = column.name.is_none() && order.last() == Some(column);
    match column.direction {
        Direction::Descending => {
            // Byte by byte each would ask for room.
            let start = out.len();
            out.extend_from_slice(piece);
            out[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
        Direction::Ascending => out.extend_from_slice(piece),
    }
    if is_open && column.direction == Direction::Ascending {
        out.put_u8(END);
    }
}

fn upright_length(bytes: &[u8], column: &OrderColumn) -> Option<usize> {
    match column.name {
        Some(_) => value_length(bytes, false).ok(),
        None => path_length(bytes),
    }
}

/// The length of a path with its [`END`].
fn path_length(bytes: &[u8]) -> Option<usize> {
    let (path, rest) = read_ids(bytes).ok()?;
    DocumentPath::new(&path)?;
    (rest.first() == Some(&END)).then(|| bytes.len() - rest.len() + 1)
}

/// A fingerprint of what a cursor depends on: all of a query but where it begins and how much is wanted. A query that
/// runs the other way over everything has the same.
pub(super) fn shape(query: &EntityQuery, order: &[OrderColumn]) -> u64 {
    let turned = order[0].direction;
    let mut hash = Fingerprint::new();
    hash.text(&query.namespace);
    hash.text(query.kind.as_deref().unwrap_or("\0"));
    query.filter.iter().for_each(|filter| hash.filter(filter));
    for column in order {
        hash.text(column.name.as_deref().unwrap_or(KEY_PROPERTY));
        let reversed = if query.distinct_on.is_empty() { turned } else { Direction::Ascending };
        hash.byte(u8::from(column.direction == reversed));
    }
    for names in [&query.projection, &query.distinct_on] {
        // Whether only the keys of entities are answered moves no result: `ndb` takes cursors from one to the other.
        let mut names: Vec<&String> = names.iter().filter(|name| *name != KEY_PROPERTY).collect();
        names.sort_unstable();
        names.iter().for_each(|name| hash.text(name));
        hash.byte(0xff);
    }
    hash.0
}

/// FNV-1a: a cursor of another query is a mistake to find, no attack to withstand.
struct Fingerprint(u64);

impl Fingerprint {
    fn new() -> Self {
        Fingerprint(0xcbf2_9ce4_8422_2325)
    }

    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.byte(*byte));
        (bytes.len() as u64).to_be_bytes().iter().for_each(|byte| self.byte(*byte));
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn filter(&mut self, filter: &EntityFilter) {
        match filter {
            EntityFilter::And(filters) | EntityFilter::Or(filters) => {
                self.byte(if matches!(filter, EntityFilter::And(_)) { 1 } else { 2 });
                filters.iter().for_each(|filter| self.filter(filter));
                self.byte(3);
            }
            EntityFilter::Property { name, operator, value } => {
                self.text(name);
                self.byte(4 + *operator as u8);
                let mut bytes = Vec::new();
                model::entity::body::encode_value(&mut bytes, value);
                self.bytes(&bytes);
            }
        }
    }
}
