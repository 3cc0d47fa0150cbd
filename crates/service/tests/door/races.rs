//! What rules look up cannot change between the decision and the commit.

use std::sync::Arc;

use model::Value;
use service::{Commit, Service};

use crate::world::{World, call, write};

/// How many commits are under way at once.
const CROWD: usize = 64;

async fn crowd(service: &Arc<Service>, world: &World, writes: impl Fn(usize) -> Vec<String>) -> usize {
    let mut waiting = Vec::new();
    for n in 0..CROWD {
        let (service, database) = (service.clone(), world.name.clone());
        let writes = writes(n).iter().map(|text| write(text)).collect();
        let commit = Commit { database, writes, transaction: None };
        let call = call("ada");
        waiting.push(tokio::spawn(async move { service.commit(&call, commit).await.is_ok() }));
    }
    let mut allowed = 0;
    for commit in waiting {
        allowed += usize::from(commit.await.expect("no commit panics"));
    }
    allowed
}

#[test]
fn of_many_who_claim_what_only_one_may_have_one_gets_it() {
    let world = World::development();
    world.rules(
        "match /claims/{d} { allow create: if !exists(/databases/$(database)/documents/taken/it)
                                           && existsAfter(/databases/$(database)/documents/taken/it); }
         match /taken/it { allow write: if true; }",
    );
    let claim = |n: usize| vec![format!("claims/{n} {{n: {n}}}"), format!("taken/it {{by: {n}}}")];
    let allowed = world.runtime.block_on(crowd(&world.service, &world, claim));
    assert_eq!(allowed, 1);
    let Some(Value::Integer(winner)) = world.fields("taken/it").and_then(|mut taken| taken.remove("by"))
    else {
        panic!("it was taken");
    };
    assert!(world.fields(&format!("claims/{winner}")).is_some());
}

#[test]
fn a_counter_that_may_only_grow_by_one_never_skips() {
    let world = World::development();
    world.rules(
        "match /counters/{d} { allow create: if request.resource.data.n == 0;
                               allow update: if request.resource.data.n == resource.data.n + 1; }
         match /tickets/{d} { allow create:
             if getAfter(/databases/$(database)/documents/counters/c).data.n
                == get(/databases/$(database)/documents/counters/c).data.n + 1
             && string(getAfter(/databases/$(database)/documents/counters/c).data.n) == d; }",
    );
    world.commit("ada", vec![write("counters/c {n: 0}")]).unwrap();
    // Each asks for the next three numbers; whose turn it is not, is refused.
    let mut allowed = 0;
    for round in 0..4 {
        let base = round * 3;
        let next = |n: usize| {
            let number = base + 1 + n % 3;
            vec![format!("counters/c {{n: {number}}}"), format!("tickets/{number} {{}}")]
        };
        allowed += world.runtime.block_on(crowd(&world.service, &world, next));
    }
    let Some(Value::Integer(last)) = world.fields("counters/c").and_then(|mut counter| counter.remove("n"))
    else {
        panic!("the counter is there");
    };
    assert!(last >= 1);
    assert_eq!(usize::try_from(last).unwrap(), allowed, "every commit that was allowed moved it by one");
    for number in 1..=last {
        assert!(world.fields(&format!("tickets/{number}")).is_some(), "{number} was skipped");
    }
}
