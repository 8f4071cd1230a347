//! Queries of our own, with text in and text out.
//!
//! Not pgrx's Spi: that turns an error into a panic and drops CONTEXT, positions, object fields and own SQLSTATEs,
//! and the same layer must run a user's clauses (backfill), whose errors have to arrive whole.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_char;

use pgrx::pg_sys;
use pgrx::prelude::*;

use super::memory::Scratch;
use super::{boundary, convert, raw};
use crate::error::{Report, Result, SqlState, fail};

/// The rows of a result, each value as its type's output function writes it.
#[derive(Debug, Default)]
pub struct Rows {
    rows: Vec<Vec<Option<String>>>,
    /// Rows the command processed.
    pub processed: u64,
}

impl Rows {
    /// The rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { values })
    }

    /// The first row, if any.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }
}

/// One row.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    values: &'a [Option<String>],
}

impl Row<'_> {
    /// The value of a column (from 0); `None` for NULL.
    pub fn text(&self, column: usize) -> Option<String> {
        self.values.get(column).cloned().flatten()
    }

    /// A value that is never NULL; an empty text should it be.
    pub fn required(&self, column: usize) -> String {
        self.text(column).unwrap_or_default()
    }

    /// A boolean; false for NULL.
    pub fn boolean(&self, column: usize) -> bool {
        self.values.get(column).and_then(|v| v.as_deref()) == Some("t")
    }

    /// A number; `None` for NULL or for what is not one.
    pub fn number<T: std::str::FromStr>(&self, column: usize) -> Option<T> {
        self.values.get(column).and_then(|v| v.as_deref()).and_then(|v| v.parse().ok())
    }
}

thread_local! {
    /// Plans kept for the life of the backend, by where their text is, which never moves.
    static PLANS: RefCell<HashMap<(*const u8, usize), pg_sys::SPIPlanPtr>> = RefCell::new(HashMap::new());
}

/// Runs one statement. Parameters are `text`; the SQL casts them. Each call sees what was committed before it.
pub fn query(sql: &str, parameters: &[Option<&str>]) -> Result<Rows> {
    under_a_snapshot(|| {
        let source = convert::c_string(sql);
        let source = source.as_ptr();
        let mut types = vec![pg_sys::TEXTOID; parameters.len()];
        let types = types.as_mut_ptr();
        execute(parameters, |count, values, nulls| {
            // SAFETY: a raw call within the boundary; the arrays have `count` entries.
            unsafe { raw::SPI_execute_with_args(source, count, types, values, nulls, false, 0) }
        })
    })
}

/// The same for a statement that runs often: it is planned once in a backend.
pub fn query_planned(sql: &'static str, parameters: &[Option<&str>]) -> Result<Rows> {
    under_a_snapshot(|| {
        let plan = planned(sql, parameters.len())?;
        execute(parameters, |_, values, nulls| {
            // SAFETY: a raw call within the boundary; the plan was made for that many parameters and is kept for ever.
            unsafe { raw::SPI_execute_plan(plan, values, nulls, false, 0) }
        })
    })
}

/// The same with what is committed by now in sight, also in a transaction that otherwise keeps to one snapshot.
pub fn query_under_latest(sql: &'static str, parameters: &[Option<&str>]) -> Result<Rows> {
    under_a_snapshot(|| {
        let plan = planned(sql, parameters.len())?;
        execute(parameters, |_, values, nulls| {
            // SAFETY: as above; SPI copies the snapshot, and gives it the command counter that a statement needs.
            unsafe {
                let (latest, none) = (raw::GetLatestSnapshot(), std::ptr::null_mut());
                raw::SPI_execute_snapshot(plan, values, nulls, latest, none, false, true, 0)
            }
        })
    })
}

/// The plan of a text; made when it is asked for first.
fn planned(sql: &'static str, parameters: usize) -> Result<pg_sys::SPIPlanPtr> {
    let key = (sql.as_ptr(), sql.len());
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(&key).copied()) {
        return Ok(plan);
    }
    let plan = prepare(sql, parameters)?;
    PLANS.with_borrow_mut(|plans| plans.insert(key, plan));
    Ok(plan)
}

/// A plan that outlives the connection to SPI.
fn prepare(sql: &str, parameters: usize) -> Result<pg_sys::SPIPlanPtr> {
    let source = convert::c_string(sql);
    let source = source.as_ptr();
    let mut types = vec![pg_sys::TEXTOID; parameters];
    let types = types.as_mut_ptr();
    // SAFETY: raw calls only; SPI_prepare returns NULL for what is no statement, and raises for what is a wrong one.
    unsafe {
        boundary::catch(|| {
            raw::SPI_connect();
            // Whatever the parameters are: planning anew would cost more than these look-ups do.
            let generic = pg_sys::CURSOR_OPT_GENERIC_PLAN as i32;
            let plan = raw::SPI_prepare_cursor(source, parameters as i32, types, generic);
            if !plan.is_null() {
                raw::SPI_keepplan(plan);
            }
            raw::SPI_finish();
            plan
        })
    }
}

/// Runs `work` in memory of its own with a snapshot in force.
pub(super) fn under_a_snapshot<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let _scratch = Scratch::new();
    // SAFETY: a read of the snapshot stack.
    let without_snapshot = unsafe { !pg_sys::ActiveSnapshotSet() };
    if without_snapshot {
        // SAFETY: raw calls only. On error the snapshot goes with the transaction.
        unsafe { boundary::catch(|| raw::PushActiveSnapshot(raw::GetTransactionSnapshot()))? };
    }
    let rows = work()?;
    if without_snapshot {
        // SAFETY: SPI_finish left the stack as it was; the top is the one pushed above.
        unsafe { boundary::catch(|| raw::PopActiveSnapshot())? };
    }
    Ok(rows)
}

/// Connects, executes, reads and disconnects. On error the SPI frame goes with the transaction.
fn execute(parameters: &[Option<&str>], run: impl Fn(i32, *mut pg_sys::Datum, *const c_char) -> i32) -> Result<Rows> {
    let mut values: Vec<pg_sys::Datum> =
        parameters.iter().map(|p| p.and_then(IntoDatum::into_datum).unwrap_or(pg_sys::Datum::from(0))).collect();
    let nulls: Vec<u8> = parameters.iter().map(|p| if p.is_some() { b' ' } else { b'n' }).collect();
    let (values, nulls) = (values.as_mut_ptr(), nulls.as_ptr().cast());
    let (count, run) = (parameters.len() as i32, &run);
    // SAFETY: raw calls only; the arrays have `count` entries and outlive the closure; `run` is borrowed.
    let code = unsafe {
        boundary::catch(|| {
            raw::SPI_connect();
            run(count, values, nulls)
        })?
    };
    if code < 0 {
        // SAFETY: a read of a static table of names.
        let why = unsafe { convert::string(pg_sys::SPI_result_code_string(code)) }.unwrap_or_default();
        return fail(Report::new(SqlState::INTERNAL_ERROR, format!("cannot run a statement: {why}")));
    }
    let rows = read()?;
    // SAFETY: closes the frame opened above.
    unsafe { boundary::catch(|| raw::SPI_finish())? };
    Ok(rows)
}

/// Copies the result out of SPI's memory.
fn read() -> Result<Rows> {
    // SAFETY: set by the SPI call that just succeeded; the table is NULL when there are no columns.
    let (table, processed) = unsafe { (pg_sys::SPI_tuptable, pg_sys::SPI_processed) };
    let mut rows = Rows { rows: Vec::new(), processed };
    if table.is_null() {
        return Ok(rows);
    }
    // SAFETY: numvals tuples of natts columns each; SPI_getvalue allocates in SPI's context, freed by SPI_finish.
    unsafe {
        let descriptor = (*table).tupdesc;
        let columns = (*descriptor).natts;
        for i in 0..(*table).numvals {
            let tuple = *(*table).vals.add(i as usize);
            let mut values = Vec::with_capacity(columns as usize);
            for column in 1..=columns {
                let value = boundary::catch(|| raw::SPI_getvalue(tuple, descriptor, column))?;
                values.push(convert::string(value));
            }
            rows.rows.push(values);
        }
    }
    Ok(rows)
}
