//! A replacement of columns that somebody began and did not end: what of it is there.

use super::retyping::{self, Index};
use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;

/// A column that is replaced: its number and name, quoted; and the type that it is to get.
#[derive(Clone, Copy, Debug)]
pub struct Replaced<'a> {
    pub number: i16,
    pub quoted: &'a str,
    pub to: &'a str,
}

/// A column that is there to take the place of another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    pub number: i16,
    /// As in pg_attribute, and quoted.
    pub name: String,
    pub quoted: String,
}

/// What is there, besides the trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// In the order of the columns that they replace.
    pub columns: Vec<Replacement>,
    /// CHECK and not-null constraints on them: names, quoted.
    pub constraints: Vec<String>,
    /// Indexes over them.
    pub indexes: Vec<Index>,
}

/// What the trigger's function does to a row: each column's value goes to the one that is to take its place.
pub fn body<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let set: Vec<String> = pairs.map(|(new, old)| format!("NEW.{new} := NEW.{old};")).collect();
    format!("BEGIN {} RETURN NEW; END", set.join(" "))
}

/// What there is of the replacement of exactly these columns, which a trigger of that name keeps in step. `None` when there
/// is no such trigger, or when it or the columns are not as a recipe makes them.
pub fn find(table: u32, trigger: &str, replaced: &[Replaced<'_>]) -> Result<Option<Begun>> {
    let table = table.to_string();
    as_owner(|| {
        // BEFORE INSERT OR UPDATE, FOR EACH ROW.
        let found = query_planned(
            "SELECT p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid \
             WHERE t.tgrelid = $1::oid AND t.tgname = $2 AND p.proname = $2 AND p.pronamespace = c.relnamespace \
             AND t.tgtype = 23 AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgnargs = 0 AND t.tgattr::text = ''",
            &[Some(&table), Some(trigger)],
        )?;
        let Some(source) = found.iter().next().map(|row| row.required(0)) else { return Ok(None) };
        let sql = "SELECT attnum, attname, quote_ident(attname), format_type(atttypid, atttypmod) FROM pg_attribute \
                   WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped";
        let there: Vec<(Replacement, String)> = query_planned(sql, &[Some(&table)])?
            .iter()
            .map(|r| {
                let number = r.number(0).unwrap_or(0);
                (Replacement { number, name: r.required(1), quoted: r.required(2) }, r.required(3))
            })
            .collect();
        let Some(columns) = read(&source, &there, replaced) else { return Ok(None) };
        let list: Vec<String> = columns.iter().map(|c| c.number.to_string()).collect();
        let numbers = format!("{{{}}}", list.join(","));
        // Such as CHECK ((a_new IS NOT NULL)) and CHECK (((a_new IS NULL) = (a IS NULL))).
        let sql = "SELECT quote_ident(conname), contype = 'n' OR (contype = 'c' AND pg_get_constraintdef(oid) ~ \
                     '^CHECK \\([( ]*[^()]* IS (NOT )?NULL\\)( [=A]|\\))') \
                   FROM pg_constraint WHERE conrelid = $1::oid AND conkey && $2::int2[] ORDER BY conname";
        let constraints = query_planned(sql, &[Some(&table), Some(&numbers)])?;
        // Others, such as a key, are somebody else's work.
        if constraints.iter().any(|row| !row.boolean(1)) {
            return Ok(None);
        }
        let constraints = constraints.iter().map(|row| row.required(0)).collect();
        let indexes = retyping::indexes(&table, &numbers)?;
        Ok(Some(Begun { columns, constraints, indexes }))
    })
}

/// The columns that a trigger's function sets, if that is all it does.
fn read(source: &str, there: &[(Replacement, String)], replaced: &[Replaced<'_>]) -> Option<Vec<Replacement>> {
    let mut columns: Vec<Replacement> = Vec::new();
    let mut rest = source.strip_prefix("BEGIN ")?;
    for old in replaced {
        let (new, behind) = there.iter().filter(|(_, type_name)| type_name == old.to).find_map(|(new, _)| {
            let behind = rest.strip_prefix(&format!("NEW.{} := NEW.{}; ", new.quoted, old.quoted))?;
            Some((new, behind))
        })?;
        columns.push(new.clone());
        rest = behind;
    }
    let pairs = columns.iter().zip(replaced).map(|(new, old)| (new.quoted.as_str(), old.quoted));
    (body(pairs) == source).then_some(columns)
}

impl Begun {
    /// An index that is ready to take the place of another one, and not one of those that take another's.
    pub fn instead_of(&self, old: &Index, replaced: &[Replaced<'_>], taken: &[String]) -> Option<&Index> {
        let now = |number: i16| {
            let place = replaced.iter().position(|c| c.number == number);
            place.and_then(|place| self.columns.get(place)).map_or(number, |new| new.number)
        };
        let same = |new: &[(i16, String, String)], old: &[(i16, String, String)]| {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| new.0 == now(old.0) && new.2 == old.2)
        };
        self.indexes.iter().find(|new| {
            new.valid
                && new.constraint.is_none()
                && !taken.contains(&new.bare)
                && (new.unique, &new.method, &new.rest) == (old.unique, &old.method, &old.rest)
                && same(&new.keys, &old.keys)
                && same(&new.included, &old.included)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_recipe_wrote_is_read() {
        let new = |number, name: &str| Replacement { number, name: name.into(), quoted: name.into() };
        let there = [(new(3, "a_new"), "bigint".to_owned()), (new(4, "b_new"), "bigint".to_owned())];
        let replaced = |number, quoted| Replaced { number, quoted, to: "bigint" };
        let both = [replaced(1, "a"), replaced(2, "b")];
        let source = body([("a_new", "a"), ("b_new", "b")].into_iter());
        assert_eq!(source, "BEGIN NEW.a_new := NEW.a; NEW.b_new := NEW.b; RETURN NEW; END");
        assert_eq!(read(&source, &there, &both), Some(vec![new(3, "a_new"), new(4, "b_new")]));
        assert_eq!(read(&source, &there, &both[..1]), None, "another one, too");
        assert_eq!(read(&source, &there, &[both[1], both[0]]), None, "in another order");
        assert_eq!(read(&source, &there[..1], &both), None, "a column of another type");
        assert_eq!(read(&source.replace("RETURN", "NEW.a := 1; RETURN"), &there, &both), None, "more than that");
    }
}
