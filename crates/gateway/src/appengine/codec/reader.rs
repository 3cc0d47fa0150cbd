//! Reading: bounded in depth by [`MAX_DEPTH`] and in memory by [`Memory`], whatever the bytes are.

use std::cell::Cell;

use super::{Message, Nothing};

/// Messages and groups within one another.
const MAX_DEPTH: usize = 32;
/// What is read from one message may take so many bytes for each of its own, and a few more: real ones take up to
/// fifteen, but elements of two bytes could take a hundred times that.
pub(super) const PER_BYTE: usize = 20;
pub(super) const FEW: usize = 64 * 1024;
/// And never more than this.
pub(super) const MAX_MEMORY: usize = 96 * 1024 * 1024;
/// Bytes of a number of variable length.
const MAX_VARINT_BYTES: usize = 10;

/// In what bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::appengine) enum Malformed {
    #[error("The message ends within a field.")]
    Truncated,
    #[error("A number takes more than ten bytes.")]
    Varint,
    #[error("Field {0} has a wire type that is not its own.")]
    WireType(u32),
    #[error("A group ends that did not begin.")]
    Group,
    #[error("The message is nested deeper than 32 levels.")]
    Depth,
    #[error("Field {0} is not UTF-8.")]
    Text(u32),
    #[error("The message has too many fields; send fewer in one call.")]
    Memory,
}

/// How a field stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::appengine) enum Wire {
    Varint,
    Fixed64,
    Length,
    GroupStart,
    GroupEnd,
    Fixed32,
}

/// What stands before each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::appengine) struct Tag {
    pub(in crate::appengine) number: u32,
    pub(super) wire: Wire,
}

/// What is left of the memory for one message and all within it.
pub(super) struct Memory(Cell<usize>);

/// The bytes of one message that are still to be read.
pub(in crate::appengine) struct Reader<'a> {
    rest: &'a [u8],
    memory: &'a Memory,
    depth: usize,
}

impl Memory {
    pub(super) fn of(bytes: usize) -> Self {
        Memory(Cell::new(bytes))
    }
}

impl Tag {
    /// Refuses a field that does not stand on the wire as its type does.
    pub(super) fn expect(self, wire: Wire) -> Result<(), Malformed> {
        if self.wire == wire { Ok(()) } else { Err(Malformed::WireType(self.number)) }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], memory: &'a Memory) -> Self {
        Reader { rest: bytes, memory, depth: 0 }
    }

    /// Reads the rest into a message.
    pub(super) fn fill(mut self, message: &mut impl Message) -> Result<(), Malformed> {
        while !self.rest.is_empty() {
            let tag = self.tag()?;
            self.one(message, tag)?;
        }
        Ok(())
    }

    /// Reads a message with a length before it.
    pub(super) fn message(&mut self, message: &mut impl Message) -> Result<(), Malformed> {
        let depth = self.deeper()?;
        let rest = self.bytes()?;
        Reader { rest, memory: self.memory, depth }.fill(message)
    }

    /// Reads up to the end of the group `number`.
    pub(super) fn group(&mut self, number: u32, message: &mut impl Message) -> Result<(), Malformed> {
        let depth = self.depth;
        self.depth = self.deeper()?;
        loop {
            let tag = self.tag()?;
            if tag.wire == Wire::GroupEnd {
                self.depth = depth;
                return if tag.number == number { Ok(()) } else { Err(Malformed::Group) };
            }
            self.one(message, tag)?;
        }
    }

    fn one(&mut self, message: &mut impl Message, tag: Tag) -> Result<(), Malformed> {
        if tag.wire == Wire::GroupEnd {
            return Err(Malformed::Group);
        }
        if message.take(tag, self)? { Ok(()) } else { self.skip(tag) }
    }

    fn skip(&mut self, tag: Tag) -> Result<(), Malformed> {
        match tag.wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.fixed::<8>().map(drop),
            Wire::Length => self.bytes().map(drop),
            Wire::GroupStart => self.group(tag.number, &mut Nothing),
            Wire::GroupEnd => Err(Malformed::Group),
            Wire::Fixed32 => self.fixed::<4>().map(drop),
        }
    }

    fn deeper(&self) -> Result<usize, Malformed> {
        if self.depth < MAX_DEPTH { Ok(self.depth + 1) } else { Err(Malformed::Depth) }
    }

    fn tag(&mut self) -> Result<Tag, Malformed> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).unwrap_or(u32::MAX);
        let wire = match key & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Length,
            3 => Wire::GroupStart,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            _ => return Err(Malformed::WireType(number)),
        };
        Ok(Tag { number, wire })
    }

    /// A number of variable length.
    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for index in 0..MAX_VARINT_BYTES {
            let byte = *self.rest.get(index).ok_or(Malformed::Truncated)?;
            // Bits beyond the 64th are dropped, as every reader of this encoding does.
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(number);
            }
        }
        Err(Malformed::Varint)
    }

    /// A number of fixed length.
    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (number, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*number)
    }

    /// A length and so many bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| Malformed::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Takes memory for what is read.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), Malformed> {
        let left = self.memory.0.get().checked_sub(bytes).ok_or(Malformed::Memory)?;
        self.memory.0.set(left);
        Ok(())
    }
}
