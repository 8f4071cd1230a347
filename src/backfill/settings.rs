//! What can be changed while a backfill runs.

use serde_json::{Value, json};

use crate::error::{Report, Result, code, fail};

/// Settings of a run. In the ledger they are one JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What a batch should take, in milliseconds.
    pub target_ms: u32,
    /// Processes that share the work, this one included.
    pub workers: u32,
    /// The most rows of a batch; `None` leaves it to the time.
    pub batch_rows: Option<u64>,
    /// The share of rows that may fail before the run stops.
    pub error_ratio: f64,
    /// The caller's limits as JSON, see [`super::limits`].
    pub limits: Option<String>,
}

/// As a caller gave them; `None` is the default, or what it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub target_ms: Option<i32>,
    pub workers: Option<i32>,
    pub batch_rows: Option<i32>,
    pub error_ratio: Option<f64>,
    pub limits: Option<String>,
}

/// More would take the server's connections away.
const MOST_WORKERS: i32 = 64;

impl Default for Settings {
    fn default() -> Self {
        Self { target_ms: 100, workers: 1, batch_rows: None, error_ratio: 0.01, limits: None }
    }
}

impl Settings {
    /// With what the caller wants in its place. Limits are merged by key.
    pub fn with(&self, wanted: &Wanted) -> Result<Self> {
        let whole = |name: &str, value: Option<i32>, most: i32| match value {
            Some(n) if n < 1 || n > most => fail(invalid(name, &n.to_string(), &format!("between 1 and {most}"))),
            other => Ok(other.and_then(|n| u32::try_from(n).ok())),
        };
        if let Some(ratio) = wanted.error_ratio
            && !(0.0..=1.0).contains(&ratio)
        {
            return fail(invalid("error_ratio", &ratio.to_string(), "between 0 and 1"));
        }
        Ok(Self {
            target_ms: whole("target_ms", wanted.target_ms, 60_000)?.unwrap_or(self.target_ms),
            workers: whole("workers", wanted.workers, MOST_WORKERS)?.unwrap_or(self.workers),
            batch_rows: whole("batch_rows", wanted.batch_rows, i32::MAX)?.map(u64::from).or(self.batch_rows),
            error_ratio: wanted.error_ratio.unwrap_or(self.error_ratio),
            limits: merged(self.limits.as_deref(), wanted.limits.as_deref()),
        })
    }

    /// For the ledger.
    pub fn to_json(&self) -> String {
        let limits = self.limits.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        json!({
            "target_ms": self.target_ms, "workers": self.workers, "batch_rows": self.batch_rows,
            "error_ratio": self.error_ratio, "limits": limits,
        })
        .to_string()
    }

    /// From the ledger; what is missing there has its default.
    pub fn from_json(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let number = |name: &str| value[name].as_u64();
        let default = Self::default();
        let small = |name: &str, default: u32| number(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
        Self {
            target_ms: small("target_ms", default.target_ms),
            workers: small("workers", default.workers),
            batch_rows: number("batch_rows"),
            error_ratio: value["error_ratio"].as_f64().unwrap_or(default.error_ratio),
            limits: value.get("limits").filter(|l| !l.is_null()).map(Value::to_string),
        }
    }
}

/// The second over the first. What is no object is kept whole: who reads the limits refuses it.
fn merged(old: Option<&str>, new: Option<&str>) -> Option<String> {
    let Some(new) = new else { return old.map(str::to_owned) };
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    match (old.map(parsed), parsed(new)) {
        (Some(Value::Object(mut all)), Value::Object(changes)) => {
            all.extend(changes);
            Some(Value::Object(all).to_string())
        }
        _ => Some(new.to_owned()),
    }
}

fn invalid(name: &str, found: &str, range: &str) -> Report {
    Report::new(code::INVALID_ARGUMENT, format!("{name} must be {range}"))
        .detail(format!("It is {found}."))
        .hint(format!("Leave {name} out: its default counts, or what it was."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_survive_the_ledger() {
        let settings = Settings {
            target_ms: 50,
            workers: 3,
            batch_rows: Some(7),
            error_ratio: 0.5,
            limits: Some("{\"lag\":\"10s\"}".into()),
        };
        assert_eq!(Settings::from_json(&settings.to_json()), settings);
        assert_eq!(Settings::from_json("{}"), Settings::default());
    }

    #[test]
    fn limits_are_merged_by_key() {
        let old = Settings { limits: Some("{\"lag\":\"10s\",\"waiters\":true}".into()), ..Settings::default() };
        let wanted = Wanted { limits: Some("{\"lag\":null}".into()), ..Wanted::default() };
        let new = old.with(&wanted).unwrap();
        assert_eq!(new.limits.as_deref(), Some("{\"lag\":null,\"waiters\":true}"));
        assert_eq!(new.with(&Wanted::default()).unwrap(), new);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for wanted in [
            Wanted { target_ms: Some(0), ..Wanted::default() },
            Wanted { workers: Some(65), ..Wanted::default() },
            Wanted { batch_rows: Some(-1), ..Wanted::default() },
            Wanted { error_ratio: Some(f64::NAN), ..Wanted::default() },
        ] {
            assert!(Settings::default().with(&wanted).unwrap_err().message.contains("must be between"));
        }
    }
}
