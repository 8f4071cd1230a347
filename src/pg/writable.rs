//! Whether anything can be written here and now: not on a standby, not in a READ ONLY transaction.

use pgrx::pg_sys;

use crate::error::{Report, Result, code, fail};

/// Whether it can.
pub fn is_writable() -> bool {
    // SAFETY: reads of the server's and the backend's own state.
    unsafe { !pg_sys::RecoveryInProgress() && !pg_sys::XactReadOnly }
}

/// Refuses what writes, before it finds out half way. `name` is what was called.
pub fn require(name: &str) -> Result<()> {
    // SAFETY: reads of the server's and the backend's own state.
    let (standby, read_only, by_default, in_block) = unsafe {
        (pg_sys::RecoveryInProgress(), pg_sys::XactReadOnly, pg_sys::DefaultXactReadOnly, pg_sys::IsTransactionBlock())
    };
    let why = |what: &str| Report::new(code::READ_ONLY, format!("{name} cannot run: {what}"));
    if standby {
        return fail(
            why("this server is a standby")
                .detail("It replays what its primary writes, and writes nothing itself.")
                .hint(
                    "Connect to the primary. Where that is:\n\
                     SELECT sender_host, sender_port FROM pg_stat_wal_receiver;",
                ),
        );
    }
    if read_only {
        return fail(why("the transaction is read-only").detail("Migrations and the ledger are written to.").hint(
            match (by_default, in_block) {
                (false, _) => "End it and begin one that may write:\nROLLBACK;\nBEGIN READ WRITE;",
                (true, true) => "End it and let transactions of this session write:\nROLLBACK;\nSET default_transaction_read_only = off;",
                (true, false) => "Let transactions of this session write:\nSET default_transaction_read_only = off;",
            },
        ));
    }
    Ok(())
}
