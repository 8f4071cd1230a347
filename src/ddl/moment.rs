//! What other sessions are doing when a statement is about to run, and which locks this transaction holds already.

use super::LockMode;

/// A session, or a transaction that was prepared for two-phase commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// `None` for a prepared transaction.
    pub pid: Option<u32>,
    /// Name of the prepared transaction.
    pub prepared: Option<String>,
    pub role: String,
    /// Empty when it has none.
    pub application: String,
    /// An autovacuum worker.
    pub autovacuum: bool,
    /// A vacuum against transaction id wraparound, which does not step back for others.
    pub against_wraparound: bool,
    /// Waiting for its client inside of a transaction.
    pub idle: bool,
    /// How long its transaction has been open.
    pub seconds: f64,
    /// Its last statement, cut short; `None` when the caller may not see it.
    pub query: Option<String>,
}

/// A lock that another session holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    pub relation: u32,
    /// Qualified and quoted.
    pub quoted: String,
    pub lock: LockMode,
    pub session: Session,
}

/// The moment at which a statement is judged. For a script, of which nothing runs now, only `held` is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// Locks of others on what the statement locks, longest transaction first.
    pub holders: Vec<Holder>,
    /// Sessions of this database with a snapshot, longest first; looked for when the statement will wait for them.
    pub snapshots: Vec<Session>,
    /// Locks that block writes and that earlier statements of this transaction took, on tables that existed before.
    pub held: Vec<(u32, LockMode)>,
    /// Those are not looked up yet, because few rules ask.
    pub held_unknown: bool,
    /// Tables that foreign keys tie to what the statement changes, where it locks them too.
    pub peers: Vec<u32>,
}

impl Session {
    /// `process 4711 (role "app", psql)`, or `prepared transaction "x" (role "app")`.
    pub fn name(&self) -> String {
        let application = if self.application.is_empty() { String::new() } else { format!(", {}", self.application) };
        match (&self.pid, &self.prepared) {
            (Some(pid), _) => format!("process {pid} (role \"{}\"{application})", self.role),
            (None, Some(name)) => format!("prepared transaction \"{name}\" (role \"{}\")", self.role),
            (None, None) => "another session".to_owned(),
        }
    }

    /// `for 0:05:12`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn age(&self) -> String {
        let seconds = self.seconds.max(0.0) as u64;
        format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// Its last statement behind a colon, or what it is doing.
    pub fn doing(&self) -> String {
        let idle = if self.idle { ", idle in transaction" } else { "" };
        match &self.query {
            Some(query) if !query.trim().is_empty() => format!("{idle}: {query}"),
            _ => idle.to_owned(),
        }
    }

    /// The statement that ends it.
    pub fn ended_by(&self) -> Option<String> {
        match (&self.pid, &self.prepared) {
            // A cancel does not end a transaction that waits for its client.
            (Some(pid), _) if self.idle => Some(format!("SELECT pg_terminate_backend({pid});")),
            (Some(pid), _) => Some(format!("SELECT pg_cancel_backend({pid});")),
            (None, name) => name.as_ref().map(|name| format!("ROLLBACK PREPARED '{}';", name.replace('\'', "''"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn sessions_are_told_and_ended() {
        let active = Session { pid: Some(7), role: "app".into(), seconds: 3671.9, ..Session::default() };
        assert_eq!(active.name(), "process 7 (role \"app\")");
        assert_eq!((active.age().as_str(), active.doing().as_str()), ("1:01:11", ""));
        assert_eq!(active.ended_by().as_deref(), Some("SELECT pg_cancel_backend(7);"));
        let idle = Session { idle: true, query: Some("SELECT 1".into()), application: "psql".into(), ..active };
        assert_eq!(idle.name(), "process 7 (role \"app\", psql)");
        assert_eq!(idle.doing(), ", idle in transaction: SELECT 1");
        assert_eq!(idle.ended_by().as_deref(), Some("SELECT pg_terminate_backend(7);"));
        let prepared = Session { prepared: Some("it's".into()), ..Session::default() };
        assert_eq!(prepared.ended_by().as_deref(), Some("ROLLBACK PREPARED 'it''s';"));
    }
}
