//! What several indexes agree on, by leapfrog: each jumps to where the one before it stands.

use model::Status;

use super::index::IndexRows;
use super::{Row, Run};
use crate::plan::IndexRead;
use crate::source::Source;

pub(crate) struct MergeRows {
    members: Vec<IndexRows>,
}

impl MergeRows {
    pub fn new(reads: &[IndexRead], source: &Source) -> Self {
        MergeRows { members: reads.iter().map(|read| IndexRows::new(read, source)).collect() }
    }

    pub fn next(&mut self, run: &mut Run) -> Result<Option<Row>, Status> {
        let (first, others) = self.members.split_first_mut().expect("a merge has members");
        let Some(mut leader) = first.advance(run)? else { return Ok(None) };
        loop {
            let mut ahead = None;
            for member in others.iter_mut() {
                match member.advance_to(&leader.key, run)? {
                    None => return Ok(None),
                    Some(head) if head.key == leader.key => {}
                    Some(head) => {
                        ahead = Some(head.key.clone());
                        break;
                    }
                }
            }
            let Some(target) = ahead else {
                others.iter_mut().for_each(|member| drop(member.pop()));
                return first.row(leader).map(Some);
            };
            if first.advance_to(&target, run)?.is_none() {
                return Ok(None);
            }
            leader = first.pop().expect("just found");
        }
    }
}
