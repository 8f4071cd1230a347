//! A memory context of its own for one piece of work.

use pgrx::pg_sys;

/// Makes a new memory context current; dropping it deletes that context and makes the old one current again.
/// The old one is the parent, so it outlives this.
pub struct Scratch {
    context: pg_sys::MemoryContext,
    previous: pg_sys::MemoryContext,
}

impl Scratch {
    /// Begins.
    pub fn new() -> Self {
        // SAFETY: the current context is valid.
        unsafe {
            let previous = pg_sys::CurrentMemoryContext;
            let context = new_context(previous);
            pg_sys::CurrentMemoryContext = context;
            Self { context, previous }
        }
    }
}

/// A context that lives as long as its parent, unless it is deleted.
///
/// # Safety
/// The parent is a valid context.
pub(super) unsafe fn new_context(parent: pg_sys::MemoryContext) -> pg_sys::MemoryContext {
    // SAFETY: the name is static, as MemoryContextCreate requires.
    unsafe {
        pg_sys::AllocSetContextCreateInternal(
            parent,
            c"migrator".as_ptr(),
            0,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        )
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: made by new(), deleted once; nothing of ours points into it any more.
        unsafe {
            pg_sys::CurrentMemoryContext = self.previous;
            pg_sys::MemoryContextDelete(self.context);
        }
    }
}
