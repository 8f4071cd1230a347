//! At which signals a backfill steps back: what the caller may say about it. `docs/backfill-limits.md` lists the keys.

mod describe;
mod judge;
mod unit;
mod watch;

use serde_json::{Map, Value};

pub use self::watch::{Verdict, Watch};

use self::unit::{Unit, megabytes};
use crate::catalog::signals;
use crate::error::{Error, Report, Result, code};
use crate::pg::clause;

/// When to pause and when to stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    lag: Bound,
    lag_bytes: Bound,
    slot_bytes: Bound,
    archive_segments: Bound,
    wal_rate: Bound,
    autovacuum: bool,
    waiters: bool,
    window: Option<Window>,
    pause_if: Option<String>,
    stop_if: Option<String>,
}

/// A measure's limits: above `soft` the backfill pauses, above `hard` it stops.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound {
    unit: Unit,
    soft: Option<f64>,
    hard: Option<f64>,
}

impl Bound {
    fn pauses_above(unit: Unit, soft: Option<f64>) -> Self {
        Self { unit, soft, hard: None }
    }

    fn is_on(&self) -> bool {
        self.soft.is_some() || self.hard.is_some()
    }
}

/// The time of day in which it runs; it may cross midnight.
#[derive(Clone, Debug, PartialEq)]
struct Window {
    /// As the caller wrote it.
    text: String,
    from: String,
    to: String,
}

/// What Postgres reads better than we do.
trait Reader {
    fn bytes(&self, text: &str) -> Result<f64>;
    fn seconds(&self, text: &str) -> Result<f64>;
    fn time_of_day(&self, text: &str) -> Result<String>;
    fn is_condition(&self, text: &str) -> Result<bool>;
}

struct Server;

impl Reader for Server {
    fn bytes(&self, text: &str) -> Result<f64> {
        signals::bytes(text)
    }

    fn seconds(&self, text: &str) -> Result<f64> {
        signals::seconds(text)
    }

    fn time_of_day(&self, text: &str) -> Result<String> {
        signals::time_of_day(text)
    }

    fn is_condition(&self, text: &str) -> Result<bool> {
        // In parentheses, as it will run: so a query that returns one value is one too.
        clause::is_condition(&format!("(\n{text}\n)"))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lag: Bound::pauses_above(Unit::Seconds, Some(10.0)),
            lag_bytes: Bound::pauses_above(Unit::Bytes, Some(megabytes(256))),
            slot_bytes: Bound::pauses_above(Unit::Bytes, Some(megabytes(8 * 1024))),
            archive_segments: Bound::pauses_above(Unit::Segments, Some(42.0)),
            wal_rate: Bound::pauses_above(Unit::BytesPerSecond, None),
            autovacuum: false,
            waiters: true,
            window: None,
            pause_if: None,
            stop_if: None,
        }
    }
}

impl Limits {
    /// From the JSON object a caller gave; keys it does not name have their defaults, NULL turns a signal off.
    pub fn parse(json: Option<&str>) -> Result<Self> {
        Self::read(json, &Server)
    }

    /// Whether there are conditions of the caller's among them.
    pub fn run_code(&self) -> bool {
        self.pause_if.is_some() || self.stop_if.is_some()
    }

    fn read(json: Option<&str>, reader: &dyn Reader) -> Result<Self> {
        let mut limits = Self::default();
        let Some(json) = json else { return Ok(limits) };
        for (key, value) in &object(json)? {
            limits.set(key, value, reader)?;
        }
        limits.check_order()?;
        Ok(limits)
    }

    fn set(&mut self, key: &str, value: &Value, reader: &dyn Reader) -> Result<()> {
        let (measure, hard) = key.strip_suffix("_stop").map_or((key, false), |measure| (measure, true));
        if let Some(bound) = self.bounds_mut().into_iter().find_map(|(name, b)| (name == measure).then_some(b)) {
            let limit = bound.unit.read(key, value, reader)?;
            *(if hard { &mut bound.hard } else { &mut bound.soft }) = limit;
            return Ok(());
        }
        match key {
            "autovacuum" => self.autovacuum = switch(key, value)?,
            "waiters" => self.waiters = switch(key, value)?,
            "window" => self.window = window(value, reader)?,
            "pause_if" => self.pause_if = condition(key, value, reader)?,
            "stop_if" => self.stop_if = condition(key, value, reader)?,
            _ => return Err(unknown(key)),
        }
        Ok(())
    }

    fn bounds_mut(&mut self) -> [(&'static str, &mut Bound); 5] {
        [
            ("lag", &mut self.lag),
            ("lag_bytes", &mut self.lag_bytes),
            ("slot_bytes", &mut self.slot_bytes),
            ("archive_segments", &mut self.archive_segments),
            ("wal_rate", &mut self.wal_rate),
        ]
    }

    /// A stop below its pause would leave nothing to pause for.
    fn check_order(&mut self) -> Result<()> {
        for (name, bound) in self.bounds_mut() {
            if let (Some(soft), Some(hard)) = (bound.soft, bound.hard)
                && hard < soft
            {
                let (soft, hard) = (bound.unit.show(soft), bound.unit.show(hard));
                let report = Report::new(code::INVALID_ARGUMENT, format!("limit \"{name}_stop\" is below \"{name}\""))
                    .detail(format!("It would stop above {hard}, before it pauses above {soft}."))
                    .hint(format!(
                        "Lower \"{name}\" as well, or turn it off: {}.",
                        example(&format!("\"{name}\": null"))
                    ));
                return Err(Box::new(report));
            }
        }
        Ok(())
    }
}

fn object(json: &str) -> Result<Map<String, Value>> {
    let found = match serde_json::from_str(json) {
        Ok(Value::Object(members)) => return Ok(members),
        Ok(other) => format!("It is {other}."),
        Err(error) => format!("{error}."),
    };
    let report = Report::new(code::INVALID_ARGUMENT, "limits is not a JSON object")
        .detail(found)
        .hint(format!("For example: {}.", example("\"lag\": \"30s\", \"waiters\": false")));
    Err(Box::new(report))
}

fn switch(key: &str, value: &Value) -> Result<bool> {
    match value {
        Value::Bool(on) => Ok(*on),
        Value::Null => Ok(false),
        _ => Err(invalid(key, value, "It must be true or false.", "true")),
    }
}

fn window(value: &Value, reader: &dyn Reader) -> Result<Option<Window>> {
    let no = |why: &str| invalid("window", value, why, "\"22:00-06:00\"");
    if value.is_null() {
        return Ok(None);
    }
    let text = value.as_str().unwrap_or_default();
    let Some((from, to)) = text.split_once('-') else {
        return Err(no("It must be two times of day with a hyphen between them."));
    };
    let time = |text: &str| reader.time_of_day(text).map_err(|error| no(&says(&error)));
    let (from, to) = (time(from)?, time(to)?);
    if from == to {
        return Err(no("It begins when it ends."));
    }
    Ok(Some(Window { text: text.to_owned(), from, to }))
}

fn condition(key: &str, value: &Value, reader: &dyn Reader) -> Result<Option<String>> {
    let no = |why: &str| invalid(key, value, why, "\"(SELECT count(*) > 1000 FROM jobs)\"");
    match value {
        Value::Null => Ok(None),
        Value::String(text) => match reader.is_condition(text) {
            Ok(true) => Ok(Some(text.clone())),
            Ok(false) => Err(no("It must be one condition, or one query that returns one.")),
            Err(error) => Err(no(&says(&error))),
        },
        _ => Err(no("It must be a condition in SQL, as a string.")),
    }
}

fn says(error: &Error) -> String {
    format!("Postgres says: {}.", judge::one_line(&error.message, 200))
}

/// `example` is a value for the key that would do, in JSON.
fn invalid(key: &str, value: &Value, why: &str, value_that_works: &str) -> Error {
    let hint = format!("For example: {}. null turns it off.", example(&format!("\"{key}\": {value_that_works}")));
    let report = Report::new(code::INVALID_ARGUMENT, format!("limit \"{key}\" makes no sense"));
    Box::new(report.detail(format!("It is {value}. {why}")).hint(hint))
}

fn unknown(key: &str) -> Error {
    let mut limits = Limits::default();
    let measures = limits.bounds_mut().map(|(name, _)| format!("{name}, {name}_stop")).join(", ");
    let hint = format!(
        "The limits are {measures}, autovacuum, waiters, window, pause_if, stop_if. For example: {}.",
        example("\"lag\": \"30s\"")
    );
    let report = Report::new(code::INVALID_ARGUMENT, format!("no limit is called \"{key}\""));
    Box::new(report.detail("A limit that is misspelt would limit nothing.").hint(hint))
}

/// How it is typed.
fn example(members: &str) -> String {
    format!("limits => '{{{members}}}'")
}

#[cfg(test)]
mod tests;
