//! What any of several inputs has, in the query's order, each document once.

use model::Status;

use super::{Row, Rows, Run};

pub(crate) struct UnionRows {
    inputs: Vec<Input>,
    started: bool,
}

struct Input {
    rows: Rows,
    head: Option<Row>,
}

impl UnionRows {
    pub fn new(inputs: Vec<Rows>) -> Self {
        let inputs = inputs.into_iter().map(|rows| Input { rows, head: None }).collect();
        UnionRows { inputs, started: false }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        if !self.started {
            self.started = true;
            self.inputs.iter_mut().try_for_each(|input| input.fill(run))?;
        }
        let heads =
            self.inputs.iter().enumerate().filter_map(|(n, input)| Some((n, &input.head.as_ref()?.key)));
        let Some((least, _)) = heads.min_by_key(|(_, key)| *key) else { return Ok(None) };
        let row = self.inputs[least].head.take().expect("the least of the heads");
        self.inputs[least].fill(run)?;
        // Keys end with the name, so equal keys are one document that several disjuncts match.
        for input in &mut self.inputs {
            if input.head.as_ref().is_some_and(|head| head.key == row.key) {
                input.fill(run)?;
            }
        }
        Ok(Some(row))
    }
}

impl Input {
    fn fill(&mut self, run: &mut Run) -> Result<(), Status> {
        self.head = self.rows.next(run)?;
        Ok(())
    }
}
