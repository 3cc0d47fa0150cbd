//! Figures: what a round measured, and what several rounds say together.

use std::time::Duration;

/// What one round of one contender measured.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    pub per_second: f64,
    pub median: Duration,
    /// 99 of 100 operations took no longer.
    pub p99: Duration,
    /// Processor time that the contender's process spent on each operation, where it is known. Unlike the rate it
    /// hardly depends on what else runs on the machine.
    pub processor: Option<Duration>,
}

impl Throughput {
    /// From the durations of the operations that ended within `time`.
    pub fn new(mut latencies: Vec<Duration>, time: Duration) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| {
            let rank = (latencies.len() as f64 * share) as usize;
            latencies.get(rank.min(latencies.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        Throughput {
            per_second: latencies.len() as f64 / time.as_secs_f64(),
            median: at(0.5),
            p99: at(0.99),
            processor: None,
        }
    }
}

/// The rounds of one contender, in the order in which they were run.
#[derive(Default, Debug)]
pub struct Rounds(Vec<Throughput>);

impl Rounds {
    pub fn push(&mut self, round: Throughput) {
        self.0.push(round);
    }

    /// The median rate.
    pub fn per_second(&self) -> f64 {
        median(self.0.iter().map(|round| round.per_second))
    }

    /// The median of the rounds' median times.
    pub fn median(&self) -> Duration {
        Duration::from_secs_f64(median(self.0.iter().map(|round| round.median.as_secs_f64())))
    }

    /// The median of the rounds' 99th percentiles.
    pub fn p99(&self) -> Duration {
        Duration::from_secs_f64(median(self.0.iter().map(|round| round.p99.as_secs_f64())))
    }

    /// The median of the processor time of one operation.
    pub fn processor(&self) -> Option<Duration> {
        let known: Option<Vec<f64>> =
            self.0.iter().map(|round| Some(round.processor?.as_secs_f64())).collect();
        known.map(|times| Duration::from_secs_f64(median(times.into_iter())))
    }

    /// How many times the rate of `other` this is: the median over the rounds, each compared with the
    /// other's round next to it. So a machine that is slow for a minute slows both.
    pub fn ratio_to(&self, other: &Rounds) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine.per_second / theirs.per_second))
    }

    /// The slowest and the fastest round.
    pub fn spread(&self) -> (f64, f64) {
        let rates = || self.0.iter().map(|round| round.per_second);
        (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max))
    }
}

/// The middle one; the mean of the middle two; 0 of nothing.
pub fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let upper = numbers.len() / 2;
    match numbers.len() {
        0 => 0.0,
        length if length % 2 == 1 => numbers[upper],
        _ => f64::midpoint(numbers[upper - 1], numbers[upper]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(rates: &[f64]) -> Rounds {
        let round = |&per_second| Throughput {
            per_second,
            median: Duration::ZERO,
            p99: Duration::ZERO,
            processor: None,
        };
        Rounds(rates.iter().map(round).collect())
    }

    #[test]
    fn a_slow_minute_that_hits_both_does_not_change_the_ratio() {
        let ours = rounds(&[100.0, 10.0, 100.0]);
        let theirs = rounds(&[200.0, 20.0, 200.0]);
        assert_eq!(ours.ratio_to(&theirs), 0.5);
    }

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let found = Throughput::new(times, Duration::from_secs(2));
        assert_eq!(found.per_second, 50.0);
        assert_eq!(found.median, Duration::from_millis(51));
        assert_eq!(found.p99, Duration::from_millis(100));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert_eq!(median([].into_iter()), 0.0);
    }
}
