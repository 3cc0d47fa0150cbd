//! Reads documents by name.

use std::collections::VecDeque;

use database::{ByteRange, DocumentScan, NameSource};
use model::Status;
use model::query::Direction;

use super::{Found, Row, Run};
use crate::plan::NameRead;
use crate::span::Span;

pub(crate) struct NameRows {
    source: NameSource,
    direction: Direction,
    ranges: VecDeque<Span>,
    scan: Option<DocumentScan>,
}

impl NameRows {
    pub fn new(read: &NameRead) -> Self {
        let ranges = read.ranges.iter().cloned().collect();
        NameRows { source: read.source.clone(), direction: read.direction, ranges, scan: None }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        loop {
            let scan = match &mut self.scan {
                Some(scan) => scan,
                None => {
                    let Some(range) = self.ranges.pop_front() else { return Ok(None) };
                    let range = match self.direction {
                        Direction::Ascending => range,
                        Direction::Descending => range.inverted(),
                    };
                    let range = ByteRange { start: range.start, end: range.end };
                    self.scan.insert(run.view.scan_documents(&self.source, range, self.direction))
                }
            };
            let Some((name, document)) = scan.next_named()? else {
                self.scan = None;
                continue;
            };
            run.meter.index_entries += 1;
            run.meter.documents += 1;
            let key = run.source.name_piece(&name, self.direction);
            return Ok(Some(Row { key, found: Found::Document(document) }));
        }
    }
}
