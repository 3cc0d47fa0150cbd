//! The offset and the limit.

use model::Status;

use super::{Row, Rows, Run};

pub(crate) struct PageRows {
    input: Box<Rows>,
    to_skip: u64,
    left: Option<u64>,
}

impl PageRows {
    pub fn new(input: Box<Rows>, offset: u64, limit: Option<u64>) -> Self {
        PageRows { input, to_skip: offset, left: limit }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        while self.to_skip > 0 {
            if self.input.next(run)?.is_none() {
                self.to_skip = 0;
                return Ok(None);
            }
            self.to_skip -= 1;
            run.meter.skipped += 1;
        }
        match &mut self.left {
            Some(0) => {
                if std::mem::take(&mut run.look_ahead) {
                    let documents = run.meter.documents;
                    self.input.next(run)?;
                    // Only the entry counts: production looks no document up for it.
                    run.meter.documents = documents;
                }
                Ok(None)
            }
            Some(left) => {
                *left -= 1;
                self.input.next(run)
            }
            None => self.input.next(run),
        }
    }
}
