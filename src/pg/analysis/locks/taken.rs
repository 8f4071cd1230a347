//! The locks that a statement takes, as they are collected.

use pgrx::pg_sys::{self, NodeTag, Oid};

use super::super::prior::{self, Place};
use crate::ddl::{LockMode, Locked};
use crate::error::Result;
use crate::pg::{convert, node, relation};

/// Relations and modes, in the order in which they are found.
#[derive(Debug, Default)]
pub struct Taken {
    pub locks: Vec<Locked>,
    /// Whether a relation that is named need not exist: IF EXISTS. Names that Postgres chooses itself, of indexes and
    /// sequences, are not known of what the script makes.
    pub may_miss: bool,
}

impl Taken {
    /// What the statement is about, by name: where it is, if there is one.
    ///
    /// # Safety
    /// `name` is NULL or a RangeVar.
    pub unsafe fn subject(&mut self, name: *const pg_sys::RangeVar, mode: LockMode) -> Result<Option<Place>> {
        // SAFETY: the caller's promise.
        unsafe { self.named(name, mode, true) }
    }

    /// What is locked along with it, by name.
    ///
    /// # Safety
    /// As for [`Self::subject`].
    pub unsafe fn other(&mut self, name: *const pg_sys::RangeVar, mode: LockMode) -> Result<Option<Place>> {
        // SAFETY: the caller's promise.
        unsafe { self.named(name, mode, false) }
    }

    /// # Safety
    /// As for [`Self::subject`].
    unsafe fn named(&mut self, name: *const pg_sys::RangeVar, mode: LockMode, subject: bool) -> Result<Option<Place>> {
        if name.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller's promise.
        let place = unsafe { prior::resolve(name) }?;
        match &place {
            Some(place) => self.place(place, mode, subject),
            None if !self.may_miss => {
                // SAFETY: the caller's promise; names are NULL or NUL-terminated.
                let (schema, name) = unsafe { (convert::string((*name).schemaname), convert::string((*name).relname)) };
                let name = relation::quoted(&name.unwrap_or_default());
                let quoted = schema.map_or_else(|| name.clone(), |s| format!("{}.{name}", relation::quoted(&s)));
                self.add(Locked { quoted, subject, missing: true, ..Locked::default() });
            }
            None => {}
        }
        Ok(place)
    }

    /// A relation that was looked up already.
    pub fn place(&mut self, place: &Place, mode: LockMode, subject: bool) {
        self.add(Locked {
            relation: place.oid.map(Oid::to_u32),
            quoted: relation::qualified(&place.schema, &place.name),
            mode: place.oid.map(|_| mode),
            subject,
            ..Locked::default()
        });
    }

    /// One that exists.
    pub fn oid(&mut self, oid: Oid, mode: LockMode, subject: bool) {
        let relation = oid.to_u32();
        let quoted = relation::qualified_name(relation);
        self.add(Locked { relation: Some(relation), quoted, mode: Some(mode), subject, ..Locked::default() });
    }

    /// Every table of something.
    pub fn all(&mut self, of: String, mode: LockMode) {
        self.add(Locked { quoted: of, mode: Some(mode), subject: true, ..Locked::default() });
    }

    /// A relation that the statement makes; one that has the name already, where it does.
    ///
    /// # Safety
    /// `name` points to a RangeVar.
    pub unsafe fn created(&mut self, name: *const pg_sys::RangeVar) -> Option<Place> {
        // SAFETY: the caller's promise; the name is NULL or NUL-terminated.
        unsafe {
            let relation = convert::string((*name).relname)?;
            let schema = prior::creation_schema(name)?;
            if let Some(there) = prior::at(schema.clone(), &relation) {
                return Some(there);
            }
            self.place(&Place { schema, name: relation, oid: None }, LockMode::AccessExclusive, true);
            None
        }
    }

    /// The relations of a list of RangeVars.
    ///
    /// # Safety
    /// `list` is NIL or a list of nodes.
    pub unsafe fn subjects(&mut self, list: *const pg_sys::List, mode: LockMode) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        // SAFETY: the tag is checked before the cast.
        unsafe {
            for name in node::elements(list) {
                if let Some(name) = node::cast::<pg_sys::RangeVar>(name, NodeTag::T_RangeVar) {
                    places.extend(self.subject(name, mode)?);
                }
            }
        }
        Ok(places)
    }

    /// The relation of a dotted name, of which the last `behind` parts name something of it.
    pub fn dotted(&mut self, parts: &[String], behind: usize, mode: LockMode) -> Result<Option<Place>> {
        let Some(parts) = parts.len().checked_sub(behind).map(|end| &parts[..end]) else { return Ok(None) };
        let [schema @ .., name] = parts else { return Ok(None) };
        let (name, schema) = (convert::c_string(name), schema.last().map(|s| convert::c_string(s)));
        let schema = schema.as_ref().map_or(std::ptr::null(), |s| s.as_ptr());
        // SAFETY: makeRangeVar keeps the pointers; they outlive the look-up.
        unsafe { self.subject(pg_sys::makeRangeVar(schema.cast_mut(), name.as_ptr().cast_mut(), -1), mode) }
    }

    /// A relation counts once, under the strongest lock.
    fn add(&mut self, new: Locked) {
        match self.locks.iter_mut().find(|l| l.quoted == new.quoted) {
            Some(known) => {
                known.mode = known.mode.max(new.mode);
                known.subject |= new.subject;
            }
            None => self.locks.push(new),
        }
    }
}
