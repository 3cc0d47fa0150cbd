//! How long a call may take: what the client says, within what the server allows.

use std::time::Duration;

use http::HeaderMap;
use model::{Code, Status};
use tokio::time::Instant;

const HEADER: &str = "grpc-timeout";
/// Most digits that the protocol allows.
const MAX_DIGITS: usize = 8;

/// The moment when a call must end: the client's timeout, at most `limit` from now.
pub(crate) fn of(headers: &HeaderMap, limit: Duration) -> Result<Instant, Status> {
    let timeout = match headers.get(HEADER) {
        None => limit,
        Some(value) => {
            let asked = value.to_str().ok().and_then(parse);
            asked.ok_or_else(|| Status::invalid_argument("The grpc-timeout header is malformed."))?.min(limit)
        }
    };
    Ok(Instant::now() + timeout)
}

/// What is answered when that moment passes.
pub(crate) fn exceeded() -> Status {
    Status::new(Code::DeadlineExceeded, "Deadline exceeded before the operation could complete.")
}

/// Reads `59967m`: digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let legal = (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| legal)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_as_the_official_clients_send_them() {
        let table = [
            ("1M", Some(Duration::from_secs(60))),
            ("60100m", Some(Duration::from_millis(60_100))),
            ("301S", Some(Duration::from_secs(301))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3_600))),
            ("999999999S", None),
            ("", None),
            ("S", None),
            ("-1S", None),
            ("1é", None),
            ("+1S", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
