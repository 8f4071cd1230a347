//! `migrator.stripe(tid, integer)`: called for every row of a window, so it goes in and out without any machinery.

use pgrx::pg_sys;

use super::entry::paste_info;

paste_info!(migrator_stripe);

/// The stripe of a row: its line pointer's number modulo the number of stripes. Strict; nothing in it can raise or panic.
///
/// # Safety
/// Postgres calls it with the call information of that function.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn migrator_stripe(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: a strict function of (tid, integer): both arguments are there, and the first points to an ItemPointerData.
    unsafe {
        let arguments = (*fcinfo).args.as_slice(2);
        let row = arguments[0].value.cast_mut_ptr::<pg_sys::ItemPointerData>();
        let stripes = (arguments[1].value.value() as i32).max(1);
        let stripe = i32::from((*row).ip_posid) % stripes;
        (*fcinfo).isnull = false;
        pg_sys::Datum::from(stripe)
    }
}
