//! The parts of an UPDATE as its author wrote them, for a hint that does the same in batches.
//!
//! Postgres's parser has accepted the text; this only finds where its clauses are. What it finds is checked against the
//! parse tree by the caller, so that a misreading costs a hint and nothing else.

/// `SET a = x, b = y WHERE condition`, each part on one line and without comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateClauses {
    /// Column as written, and what it is set to.
    pub assignments: Vec<(String, String)>,
    /// What stands behind SET.
    pub set: String,
    /// What stands behind WHERE.
    pub condition: Option<String>,
}

/// What is known of one assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The column's type, to which the value must be cast to be comparable; `None` when it has that type already.
    pub cast: Option<String>,
    /// The value differs from call to call.
    pub volatile: bool,
    /// The type has an equality.
    pub comparable: bool,
}

/// A lexical unit of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    /// Parentheses and brackets around it.
    depth: usize,
    /// Blank or comment before it.
    apart: bool,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

/// Cuts a text into tokens: words, quoted names, literals, and other characters one by one.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut found, mut at, mut depth, mut apart) = (Vec::new(), 0, 0_usize, false);
    while at < text.len() {
        let rest = &text[at..];
        let length = trivia(rest);
        if length > 0 {
            apart = true;
            at += length;
            continue;
        }
        let length = unit(rest);
        let unit = &rest[..length];
        if unit == ")" || unit == "]" {
            depth = depth.saturating_sub(1);
        }
        found.push(Token { text: unit, depth, apart });
        if unit == "(" || unit == "[" {
            depth += 1;
        }
        apart = false;
        at += length;
    }
    found
}

/// Bytes of blanks and comments at the beginning.
fn trivia(text: &str) -> usize {
    let blank = text.len() - text.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}', '\u{b}']).len();
    if blank > 0 {
        return blank;
    }
    if text.starts_with("--") {
        return text.find(['\n', '\r']).unwrap_or(text.len());
    }
    if !text.starts_with("/*") {
        return 0;
    }
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Bytes of the first token.
fn unit(text: &str) -> usize {
    let first = text.chars().next().unwrap_or(' ');
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    if first.is_ascii_digit() {
        let fraction = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        return text.len() - text.trim_start_matches(fraction).len();
    }
    if first == '$' {
        return dollar_quoted(text).unwrap_or(1);
    }
    if first == '\'' || first == '"' {
        return quoted(text, first, false);
    }
    if is_word(first) {
        let word = text.len() - text.trim_start_matches(is_word).len();
        // E'...', U&'...' and the like are one literal.
        let behind = &text[word..];
        if behind.starts_with('\'') && word == 1 && "eEbBxXnN".contains(first) {
            return word + quoted(behind, '\'', "eE".contains(first));
        }
        return word;
    }
    first.len_utf8()
}

/// Bytes of a quoted text, where a doubled quote stands for one.
fn quoted(text: &str, quote: char, backslashes: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if backslashes && c == '\\' {
            characters.next();
        } else if c == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}

/// Bytes of `$tag$ ... $tag$`.
fn dollar_quoted(text: &str) -> Option<usize> {
    let end = text[1..].find('$')? + 2;
    let tag = &text[..end];
    let name = &tag[1..end - 1];
    let is_tag =
        name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    (is_tag && !tag.is_empty()).then(|| text[end..].find(tag).map_or(text.len(), |close| end + close + end))
}

/// Tokens as text on one line; `None` when a literal among them goes over several.
fn line(tokens: &[Token<'_>]) -> Option<String> {
    let mut text = String::new();
    for (number, token) in tokens.iter().enumerate() {
        if number > 0 && token.apart {
            text.push(' ');
        }
        text.push_str(token.text);
    }
    (!text.is_empty() && !text.contains(['\n', '\r'])).then_some(text)
}

/// The clauses of an UPDATE without WITH and FROM. `alias` is what it calls the table.
pub fn of_update(text: &str, alias: Option<&str>) -> Option<UpdateClauses> {
    let mut all = tokens(text);
    if let Some(alias) = alias {
        // In a sub-select the name may mean another table.
        if all.iter().any(|t| t.is("select")) {
            return None;
        }
        without_prefix(&mut all, alias);
    }
    // A table may be called set.
    let name = if all.get(1)?.is("only") && !all.get(2)?.is("set") { 2 } else { 1 };
    let set = (name + 1..all.len()).find(|i| all[*i].depth == 0 && all[*i].is("set"))?;
    let clause = |word: &str, from: usize| (from..all.len()).find(|i| all[*i].depth == 0 && all[*i].is(word));
    let end = clause("returning", set).unwrap_or(all.len());
    let condition = clause("where", set).filter(|at| *at < end);
    let list = &all[set + 1..condition.unwrap_or(end)];
    let assignments: Option<Vec<_>> = list.split(|t| t.depth == 0 && t.text == ",").map(assignment).collect();
    Some(UpdateClauses {
        assignments: assignments?,
        set: line(list)?,
        condition: match condition {
            Some(at) => Some(line(&all[at + 1..end])?),
            None => None,
        },
    })
}

/// The condition of a DELETE without WITH and USING; `true` when it has none.
pub fn of_delete(text: &str, alias: Option<&str>) -> Option<String> {
    let mut all = tokens(text);
    if let Some(alias) = alias {
        if all.iter().any(|t| t.is("select")) {
            return None;
        }
        without_prefix(&mut all, alias);
    }
    let clause = |word: &str| all.iter().position(|t| t.depth == 0 && t.is(word));
    match (clause("where"), clause("returning")) {
        (None, _) => Some("true".to_owned()),
        (Some(at), end) => line(all.get(at + 1..end.unwrap_or(all.len()))?),
    }
}

/// `alias.column` as `column`.
fn without_prefix(all: &mut Vec<Token<'_>>, alias: &str) {
    let mut at = 0;
    while at + 2 < all.len() {
        if same(all[at].text, alias) && all[at + 1].text == "." && (at == 0 || all[at - 1].text != ".") {
            all[at + 2].apart = all[at].apart;
            all.drain(at..at + 2);
        }
        at += 1;
    }
}

/// `column = value`.
fn assignment(tokens: &[Token<'_>]) -> Option<(String, String)> {
    let [column, equals, value @ ..] = tokens else { return None };
    (equals.text == "=" && column.text != "(").then(|| Some((column.text.to_owned(), line(value)?)))?
}

impl UpdateClauses {
    /// The condition under which a row still needs the change, which the change makes false; `None` inside when every row
    /// is changed once. `None` when there is no such condition.
    pub fn remaining(&self, known: &[Assignment]) -> Option<Option<String>> {
        let Some(condition) = &self.condition else { return Some(None) };
        if known.len() != self.assignments.len() {
            return None;
        }
        if let Some(still) = self.nulls_filled(condition, known) {
            return Some(Some(still));
        }
        let idempotent =
            known.iter().all(|k| !k.volatile && k.comparable) && !self.assignments.iter().any(|(_, v)| self.refers(v));
        if !idempotent {
            return None;
        }
        let differs: Vec<String> =
            self.assignments.iter().zip(known).map(|((column, value), k)| differs(column, value, k)).collect();
        let differs = if differs.len() > 1 { format!("({})", differs.join(" OR ")) } else { differs.join("") };
        Some(Some(format!("({condition}) AND {differs}")))
    }

    /// `column IS NULL` as a part of the condition: filled is done.
    fn nulls_filled(&self, condition: &str, known: &[Assignment]) -> Option<String> {
        let all = tokens(condition);
        if all.iter().any(|t| t.depth == 0 && t.is("or")) {
            return None;
        }
        let is_null = |column: &str| {
            all.windows(3).enumerate().any(|(i, w)| {
                w[0].depth == 0
                    && same(w[0].text, column)
                    && w[1].is("is")
                    && w[2].is("null")
                    && (i == 0 || all[i - 1].is("and"))
                    && all.get(i + 3).is_none_or(|t| t.is("and"))
            })
        };
        let (position, (_, value)) = self.assignments.iter().enumerate().find(|(_, (column, _))| is_null(column))?;
        if value.eq_ignore_ascii_case("null") || value.eq_ignore_ascii_case("default") {
            return None;
        }
        let sure = known[position].volatile || is_literal(value);
        Some(if sure { condition.to_owned() } else { format!("{condition} AND ({value}) IS NOT NULL") })
    }

    /// Whether a value names a column that is set.
    fn refers(&self, value: &str) -> bool {
        let words = tokens(value);
        value.eq_ignore_ascii_case("default")
            || self.assignments.iter().any(|(column, _)| words.iter().any(|w| same(w.text, column)))
    }
}

/// Two spellings of one name.
fn same(one: &str, other: &str) -> bool {
    let folded = |name: &str| match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
        Some(exact) => exact.to_owned(),
        None => name.to_lowercase(),
    };
    folded(one) == folded(other)
}

fn differs(column: &str, value: &str, known: &Assignment) -> String {
    if value.eq_ignore_ascii_case("null") {
        return format!("{column} IS NOT NULL");
    }
    match &known.cast {
        Some(type_name) => format!("{column} IS DISTINCT FROM ({value})::{type_name}"),
        None if tokens(value).len() == 1 => format!("{column} IS DISTINCT FROM {value}"),
        None => format!("{column} IS DISTINCT FROM ({value})"),
    }
}

/// A constant that is not NULL.
fn is_literal(value: &str) -> bool {
    let all = tokens(value);
    let literal = |t: &Token<'_>| {
        t.text.ends_with('\'') || t.text.starts_with(|c: char| c.is_ascii_digit()) || t.is("true") || t.is("false")
    };
    matches!(all.as_slice(), [only] if literal(only))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(count: usize) -> Vec<Assignment> {
        vec![Assignment { comparable: true, ..Assignment::default() }; count]
    }

    fn remaining(text: &str, known: &[Assignment]) -> Option<Option<String>> {
        of_update(text, None).unwrap().remaining(known)
    }

    #[test]
    fn clauses_are_found_and_written_on_one_line() {
        let text = "UPDATE ONLY s.t AS x\n SET a = (SELECT 1 WHERE true), -- why, not\n  \"B c\" = 'it''s, WHERE' /* x */\n\
                    WHERE a IS DISTINCT FROM 2\nRETURNING a";
        let found = of_update(text, None).unwrap();
        assert_eq!(found.set, "a = (SELECT 1 WHERE true), \"B c\" = 'it''s, WHERE'");
        assert_eq!(found.condition.as_deref(), Some("a IS DISTINCT FROM 2"));
        assert_eq!(found.assignments[1], ("\"B c\"".into(), "'it''s, WHERE'".into()));
        assert_eq!(of_update("UPDATE set SET set = 1", None).unwrap().assignments, [("set".into(), "1".into())]);
    }

    #[test]
    fn literals_of_every_kind_are_one_token() {
        for literal in ["E'a\\'b WHERE'", "$$ WHERE '$$", "$x$ $$ WHERE $x$", "1.5e3", "\"a\"\"b\"", "U&'x'"] {
            let found = of_update(&format!("UPDATE t SET a = {literal} WHERE b"), None).unwrap();
            assert_eq!(found.assignments[0].1, literal);
            assert_eq!(found.condition.as_deref(), Some("b"));
        }
        assert_eq!(of_update("UPDATE t SET a = 'x\ny'", None), None);
        assert_eq!(of_update("UPDATE t SET (a, b) = (1, 2)", None), None);
        assert_eq!(of_update("UPDATE t SET a[1] = 2", None), None);
    }

    #[test]
    fn an_alias_is_left_out() {
        let found = of_update("UPDATE users u SET email = lower(u.email) WHERE U.email <> s.u.x", Some("u")).unwrap();
        assert_eq!(found.set, "email = lower(email)");
        assert_eq!(found.condition.as_deref(), Some("email <> s.u.x"));
        assert_eq!(of_update("UPDATE t u SET a = (SELECT u.b FROM u)", Some("u")), None);
    }

    #[test]
    fn all_rows_once_without_a_condition() {
        assert_eq!(remaining("UPDATE t SET a = a + 1", &plain(1)), Some(None));
    }

    #[test]
    fn nulls_that_are_filled() {
        let some = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(remaining("UPDATE t SET a = 0 WHERE a IS NULL", &plain(1)), some("a IS NULL"));
        assert_eq!(
            remaining("UPDATE t SET a = lower(b) WHERE A is null AND c > 1", &plain(1)),
            some("A is null AND c > 1 AND (lower(b)) IS NOT NULL")
        );
        let volatile = Assignment { volatile: true, ..Assignment::default() };
        assert_eq!(remaining("UPDATE t SET a = gen() WHERE a IS NULL", &[volatile]), some("a IS NULL"));
    }

    #[test]
    fn other_conditions_are_joined_with_what_differs() {
        let some = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(
            remaining("UPDATE t SET a = false WHERE b < 5 OR c", &plain(1)),
            some("(b < 5 OR c) AND a IS DISTINCT FROM false")
        );
        assert_eq!(
            remaining("UPDATE t SET a = NULL, b = c + 1 WHERE d", &plain(2)),
            some("(d) AND (a IS NOT NULL OR b IS DISTINCT FROM (c + 1))")
        );
        let cast = Assignment { cast: Some("numeric(10,2)".into()), comparable: true, volatile: false };
        assert_eq!(
            remaining("UPDATE t SET a = 1.234 WHERE d", &[cast]),
            some("(d) AND a IS DISTINCT FROM (1.234)::numeric(10,2)")
        );
    }

    #[test]
    fn what_cannot_be_told_done_from_undone() {
        assert_eq!(remaining("UPDATE t SET a = a + 1 WHERE b", &plain(1)), None);
        assert_eq!(remaining("UPDATE t SET a = DEFAULT WHERE b", &plain(1)), None);
        let volatile = Assignment { volatile: true, comparable: true, cast: None };
        assert_eq!(remaining("UPDATE t SET a = random() WHERE b", &[volatile]), None);
        assert_eq!(remaining("UPDATE t SET a = b WHERE c", &[Assignment::default()]), None);
    }
}
