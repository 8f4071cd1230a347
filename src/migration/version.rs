//! Versions and their natural order: runs of digits compare as numbers.

use crate::error::{Report, Result, code, fail};

/// Longest version, in characters.
const LONGEST: usize = 255;
/// The last character there is, which is none for text: what it begins sorts behind every version.
const LAST: char = '\u{10FFFF}';

/// A version that can be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    text: String,
}

impl Version {
    /// Checks what a caller gave.
    pub fn new(text: Option<&str>) -> Result<Self> {
        let bad = |found: String| {
            fail(
                Report::new(code::INVALID_VERSION, "invalid migration version")
                    .detail(found)
                    .hint("Give a short text such as '0042', '2026.11.23_1' or '0042_add_email'."),
            )
        };
        let Some(text) = text else { return bad("The version is NULL.".into()) };
        let length = text.chars().count();
        if text.trim().is_empty() {
            return bad("The version is empty.".into());
        }
        if length > LONGEST {
            return bad(format!("The version has {length} characters; at most {LONGEST} are allowed."));
        }
        if let Some(control) = text.chars().find(|c| c.is_control()) {
            return bad(format!("The version holds the control character U+{:04X}.", u32::from(control)));
        }
        if text.contains(LAST) {
            return bad("The version holds U+10FFFF, which is not a character.".into());
        }
        if text.trim() != text {
            return bad(format!("The version \"{text}\" begins or ends with a blank."));
        }
        Ok(Self { text: text.to_owned() })
    }

    /// The version as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The place in the order of all migrations: repeatable ones come after every version, by their names.
    pub fn rank(&self, repeatable: bool) -> String {
        if repeatable { format!("{LAST}{}", self.sort_key()) } else { self.sort_key() }
    }

    /// A text whose byte order is the natural order of versions. Two versions of equal rank (`1` and `001`)
    /// have the same key.
    fn sort_key(&self) -> String {
        let mut key = String::new();
        let mut rest = self.text.as_str();
        while let Some(first) = rest.chars().next() {
            if !first.is_ascii_digit() {
                key.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let digits = rest[..end].trim_start_matches('0');
            // The number of digits decides first; '0' in front keeps numbers where digits stand among characters.
            key.push_str(&format!("0{:03}{digits}", digits.len()));
            rest = &rest[end..];
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Version::new(Some(text)).unwrap().sort_key()
    }

    #[test]
    fn natural_order() {
        let ordered = ["0", "1", "1.1", "1.2", "1.10", "1a", "9", "10", "2026.2", "2026.10", "a2", "a10", "b"];
        for pair in ordered.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{} before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn equal_rank() {
        assert_eq!(key("001"), key("1"));
        assert_eq!(key("2026.02"), key("2026.2"));
        assert_ne!(key("1.0"), key("1"));
        assert_ne!(key("10"), key("1.0"));
    }

    #[test]
    fn repeatable_ones_come_last() {
        let rank = |text: &str, repeatable| Version::new(Some(text)).unwrap().rank(repeatable);
        assert!(rank("a", true) > rank("\u{10FFFD}", false));
        assert!(rank("2", true) < rank("10", true));
    }

    #[test]
    fn numbers_beyond_any_integer_type() {
        assert!(key("99999999999999999999999999") < key("100000000000000000000000000"));
    }

    #[test]
    fn what_is_refused() {
        let long = "v".repeat(256);
        for bad in [None, Some(""), Some("   "), Some("a\nb"), Some("a\u{7f}"), Some(" 1"), Some(long.as_str())] {
            let error = Version::new(bad).unwrap_err();
            assert_eq!(error.sqlstate, Some(code::INVALID_VERSION), "{bad:?}");
            assert!(error.hint.is_some() && error.detail.is_some());
        }
        assert!(Version::new(Some(&"v".repeat(255))).is_ok());
        assert!(Version::new(Some("größe 1")).is_ok());
    }
}
