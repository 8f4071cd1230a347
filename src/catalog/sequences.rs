//! Sequences and how far they are.

use crate::error::Result;
use crate::pg::spi::query_planned;
use crate::pg::user::as_owner;
use crate::pg::{sequence, storage};

/// The sequence of a serial column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Qualified and quoted.
    pub quoted: String,
    pub bits: u8,
}

/// The sequence that a column owns without being an identity column.
pub fn of_serial(table: u32, column: i16) -> Result<Option<Sequence>> {
    let parameters = [table.to_string(), column.to_string()];
    as_owner(|| {
        let sql = "SELECT s.seqrelid::regclass, 8 * t.typlen FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid \
                   JOIN pg_type t ON t.oid = s.seqtypid \
                   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass \
                   AND d.refobjid = $1::oid AND d.refobjsubid = $2::int AND d.deptype = 'a' LIMIT 1";
        let rows = query_planned(sql, &[Some(&parameters[0]), Some(&parameters[1])])?;
        Ok(rows.first().map(|r| Sequence { quoted: r.required(0), bits: r.number(1).unwrap_or(64) }))
    })
}

/// A column that is fed by a sequence, and how much of its range is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumption {
    /// As in pg_attribute.
    pub column: String,
    /// The narrower of the column's and the sequence's type.
    pub type_name: String,
    pub last: i64,
    pub percent: u32,
}

/// The columns of a table that sequences feed. A sequence that another session has locked is left out.
pub fn consumption(table: u32) -> Result<Vec<Consumption>> {
    if !storage::has_sequences(table)? {
        return Ok(Vec::new());
    }
    let fed = as_owner(|| {
        let sql = "SELECT s.seqrelid, a.attname, \
                   least(s.seqmax, CASE t.typlen WHEN 2 THEN 32767 WHEN 4 THEN 2147483647 ELSE s.seqmax END), \
                   CASE WHEN t.typlen < y.typlen THEN format_type(t.oid, NULL) ELSE format_type(y.oid, NULL) END \
                   FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid AND s.seqincrement > 0 AND NOT s.seqcycle \
                   JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
                   JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type y ON y.oid = s.seqtypid \
                   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass \
                   AND d.refobjid = $1::oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') \
                   AND t.typname IN ('int2', 'int4', 'int8') ORDER BY a.attnum";
        Ok(query_planned(sql, &[Some(&table.to_string())])?
            .iter()
            .map(|r| {
                let oid: u32 = r.number(0).unwrap_or(0);
                (oid, r.required(1), r.number::<i64>(2).unwrap_or(i64::MAX), r.required(3))
            })
            .collect::<Vec<_>>())
    })?;
    let mut consumed = Vec::new();
    for (oid, column, end, type_name) in fed {
        let Some(last) = sequence::last_value(oid) else { continue };
        let percent = u32::try_from(i128::from(last.max(0)) * 100 / i128::from(end.max(1))).unwrap_or(100);
        consumed.push(Consumption { column, type_name, last, percent });
    }
    Ok(consumed)
}
