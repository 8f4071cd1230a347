//! What limits are measured in: read from JSON, written for people.

use serde_json::Value;

use super::{Reader, invalid, says};
use crate::error::Result;

/// A unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Bytes,
    BytesPerSecond,
    Segments,
}

impl Unit {
    /// A limit from JSON: a number of the unit, or a text that Postgres reads; NULL is none.
    pub fn read(self, key: &str, value: &Value, reader: &dyn Reader) -> Result<Option<f64>> {
        let (wanted, example) = match self {
            Self::Seconds => ("It must be an interval or a number of seconds, above zero.", "\"30s\""),
            Self::Bytes => ("It must be a size or a number of bytes, above zero.", "\"512MB\""),
            Self::BytesPerSecond => ("It must be a size or a number of bytes, above zero; per second.", "\"20MB\""),
            Self::Segments => ("It must be a whole number above zero.", "100"),
        };
        let no = |why: &str| invalid(key, value, why, example);
        let limit = match (self, value) {
            (_, Value::Null) => return Ok(None),
            (_, Value::Number(number)) => number.as_f64(),
            (Self::Seconds, Value::String(text)) => Some(reader.seconds(text).map_err(|error| no(&says(&error)))?),
            (Self::Bytes | Self::BytesPerSecond, Value::String(text)) => {
                Some(reader.bytes(text).map_err(|error| no(&says(&error)))?)
            }
            _ => None,
        };
        let limit = limit.filter(|n| n.is_finite() && *n > 0.0 && (self == Self::Seconds || n.fract() == 0.0));
        limit.map(Some).ok_or_else(|| no(wanted))
    }

    /// `12 s`, `312 MB`, `3 MB/s`, `57 segments`.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Seconds => format!("{} s", digits(value)),
            Self::Bytes => bytes(value),
            Self::BytesPerSecond => format!("{}/s", bytes(value)),
            Self::Segments => format!("{value:.0} segments"),
        }
    }
}

/// Megabytes in bytes.
pub fn megabytes(number: u32) -> f64 {
    f64::from(number) * 1024.0 * 1024.0
}

fn bytes(value: f64) -> String {
    let mut value = value;
    let mut units = ["bytes", "kB", "MB", "GB", "TB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    format!("{} {unit}", digits(value))
}

/// One decimal for a small number that has one.
fn digits(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    if tenths < 10.0 && tenths.fract() != 0.0 { format!("{tenths:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_have_their_unit() {
        assert_eq!(Unit::Bytes.show(megabytes(256)), "256 MB");
        assert_eq!(Unit::Bytes.show(megabytes(8 * 1024)), "8 GB");
        assert_eq!(Unit::Bytes.show(megabytes(300 * 1024)), "300 GB");
        assert_eq!(Unit::Bytes.show(megabytes(1536)), "1.5 GB");
        assert_eq!(Unit::Bytes.show(0.0), "0 bytes");
        assert_eq!(Unit::BytesPerSecond.show(12.4 * 1024.0 * 1024.0), "12 MB/s");
        assert_eq!(Unit::Seconds.show(0.25), "0.3 s");
        assert_eq!(Unit::Seconds.show(5.0), "5 s");
        assert_eq!(Unit::Seconds.show(9.99), "10 s");
        assert_eq!(Unit::Seconds.show(61.7), "62 s");
        assert_eq!(Unit::Segments.show(57.0), "57 segments");
    }
}
