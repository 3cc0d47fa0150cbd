//! The steps of a long task: each announced, timed, and told in a table at the end.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// The steps done so far.
#[derive(Default)]
pub struct Summary {
    steps: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    failure: Option<String>,
}

impl Summary {
    /// Does one step. A failure is kept for the end, so that later steps that can run still run.
    ///
    /// Returns what the step returned, or `None` when it failed.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Option<T> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work();
        let failure = result.as_ref().err().map(Failure::to_string);
        if let Some(text) = &failure {
            eprintln!("{text}");
        }
        self.steps.push(Step { name: name.to_owned(), took: start.elapsed(), failure });
        result.ok()
    }

    /// Prints the table. Fails when any step failed.
    pub fn finish(self) -> Result<(), Failure> {
        println!("\n== summary");
        let width = self.steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
        for Step { name, took, failure } in &self.steps {
            let verdict = if failure.is_some() { "FAILED" } else { "ok" };
            println!("{name:width$}  {verdict:6}  {:7.1} s", took.as_secs_f64());
        }
        let failed: Vec<&str> =
            self.steps.iter().filter(|step| step.failure.is_some()).map(|step| step.name.as_str()).collect();
        match failed.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(format!("failed: {}", failed.join(", ")))),
        }
    }
}
