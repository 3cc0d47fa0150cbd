//! Random choices that a seed repeats.

use host::Random;

/// See the module.
pub struct Dice {
    random: Random,
}

impl Dice {
    /// The choices of a seed.
    pub fn new(seed: u64) -> Self {
        Dice { random: Random::from_seed(seed) }
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.random.next()
    }

    /// A number from 0 up to, not including, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).expect("a length fits 64 bits");
        usize::try_from(self.number() % end).expect("it is less than a length")
    }

    /// True so often in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}
