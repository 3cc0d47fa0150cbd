//! What any of several inputs has, in the query's order, each document once.

use model::Status;

use super::{Row, Rows, Run};

pub(crate) struct UnionRows {
    inputs: Vec<Input>,
}

struct Input {
    rows: Rows,
    /// The input's next row, once it was asked for.
    head: Option<Row>,
    ended: bool,
}

impl UnionRows {
    pub fn new(inputs: Vec<Rows>) -> Self {
        UnionRows {
            inputs: inputs.into_iter().map(|rows| Input { rows, head: None, ended: false }).collect(),
        }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        // Only now: a limit above may never ask for another row.
        self.inputs.iter_mut().try_for_each(|input| input.fill(run))?;
        let heads =
            self.inputs.iter().enumerate().filter_map(|(n, input)| Some((n, &input.head.as_ref()?.key)));
        let Some((least, _)) = heads.min_by_key(|(_, key)| *key) else { return Ok(None) };
        let row = self.inputs[least].head.take().expect("the least of the heads");
        // Keys end with the name, so equal keys are one document that several disjuncts match.
        for input in &mut self.inputs {
            if input.head.as_ref().is_some_and(|head| head.key == row.key) {
                input.head = None;
            }
        }
        Ok(Some(row))
    }
}

impl Input {
    fn fill(&mut self, run: &mut Run) -> Result<(), Status> {
        if self.head.is_none() && !self.ended {
            self.head = self.rows.next(run)?;
            self.ended = self.head.is_none();
        }
        Ok(())
    }
}
