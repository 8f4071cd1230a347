//! What the role lacks that is to type a hint: rights on what the hint calls and sets.

use super::recipes::literal;
use crate::catalog::roles;
use crate::error::Result;
use crate::pg::{relation, user};

/// The hint; where the current role may not do what it says, with a line behind its sentence that says who lets it.
pub fn told(hint: String) -> Result<String> {
    let (calls, sets) = (hint.contains("CALL migrator.backfill"), hint.contains("migrator.allow = '"));
    if !calls && !sets {
        return Ok(hint);
    }
    let role = user::current_role();
    let lacks_call = calls && !roles::may_call(&role, "backfill")?;
    let lacks_set = sets && !roles::may_set(&role, "migrator.allow")?;
    Ok(match line(&relation::quoted(&role), lacks_call, lacks_set) {
        Some(line) => behind_sentence(&hint, &line),
        None => hint,
    })
}

/// A comment, so that the hint can still be typed as it is. `role` is quoted where needed.
fn line(role: &str, call: bool, set: bool) -> Option<String> {
    let deploy = format!("SELECT migrator.grant_deploy({});", literal(role));
    let parameter = format!("GRANT SET ON PARAMETER migrator.allow TO {role};");
    match (call, set) {
        (false, false) => None,
        // A comment ends with its line: what comes behind a line break in the name would be typed.
        _ if role.contains(['\n', '\r']) => None,
        (true, false) => Some(format!("-- needs: {deploy} by the owner of migrator")),
        (false, true) => Some(format!("-- needs: {parameter} by a superuser")),
        (true, true) => Some(format!("-- needs: {deploy} {parameter} by a superuser")),
    }
}

fn behind_sentence(hint: &str, line: &str) -> String {
    match hint.split_once('\n') {
        Some((sentence, statements)) => format!("{sentence}\n{line}\n{statements}"),
        None => format!("{hint}\n{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_lets_the_role() {
        assert_eq!(line("r", false, false), None);
        assert_eq!(line("\"r\nDROP TABLE t; --\"", true, true), None);
        assert_eq!(
            line("\"R'\"", true, false).unwrap(),
            "-- needs: SELECT migrator.grant_deploy('\"R''\"'); by the owner of migrator"
        );
        assert_eq!(
            line("r", true, true).unwrap(),
            "-- needs: SELECT migrator.grant_deploy('r'); GRANT SET ON PARAMETER migrator.allow TO r; by a superuser"
        );
    }

    #[test]
    fn it_stands_before_the_statements() {
        assert_eq!(behind_sentence("a:\nb;\nc;", "-- x"), "a:\n-- x\nb;\nc;");
        assert_eq!(behind_sentence("a.", "-- x"), "a.\n-- x");
    }
}
