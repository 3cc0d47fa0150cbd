//! Tests against a server that plays a script: what a real one does once in a blue moon.
//!
//! Server and client share a thread, a pipe in memory and a clock that stands still while anybody works, so a minute
//! of silence takes no time, and each run is the same.
//!
//! | command | does |
//! |---|---|
//! | `has a=1 b=5/3 c=5/none many=900/2 now=6` | the server's documents with their update times, which are their timestamps unless these are named, and its clock |
//! | `listen LINE …` | what it tells the next listener, in the words of [`lines`](self::lines); then it is silent |
//! | `fault count\|query\|get …` | spoils the next call of that kind: `after=N` documents; `code=N text=…`, or it hangs |
//! | `follow [poll [since=T] [margin=S] [some_lack_field=1]] [for=S] [attempts=N] [count=S] [scan=S] [rows=N]` | opens the cache and follows: `--once`, or until it is killed |
//!
//! `follow` prints the calls as the server gets them, what the follower says, the changes that it hands on, and the
//! cache in the end. Times are seconds after the script's beginning.

mod collection;
mod lines;
mod server;
mod stage;

use std::path::Path;

use self::stage::Stage;

fn play(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(name);
    goldenscript::run(&mut Stage::new(), &path).unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn a_reset_tells_everything_anew() {
    play("reset");
}

#[test]
fn an_existence_filter_finds_what_is_gone() {
    play("filter");
}

#[test]
fn a_filter_that_disagrees_behind_each_boundary_costs_few_comparisons() {
    play("filter_behind_boundaries");
}

#[test]
fn a_target_is_removed_for_a_reason() {
    play("removed");
}

#[test]
fn only_a_boundary_moves_the_cursor() {
    play("boundaries");
}

#[test]
fn what_breaks_off_is_asked_for_again() {
    play("broken_off");
}

#[test]
fn silence_ends_somewhen() {
    play("silence");
}

#[test]
fn polling_begins_with_a_copy_and_looks_back() {
    play("polling");
}

#[test]
fn polling_copies_a_part_in_the_order_of_time() {
    play("polling_a_part");
}

#[test]
fn a_copy_is_ended_by_another_strategy() {
    play("copies_taken_over");
}
