//! Postgres functions as they are, without pgrx's guard: an error in one of them is a `longjmp`.
//! Call them only inside [`super::boundary::catch`], in a closure that owns nothing with a destructor.
//! Signatures are those of the server's headers, 15 to 18; the ones that differ are in `versions/`.

use std::ffi::{c_char, c_int, c_long, c_uint, c_void};

use pgrx::pg_sys::{
    CommandTag, Datum, DestReceiver, EState, ErrorData, FullTransactionId, FunctionCallInfo, LOCKTAG, List, Node, Oid,
    ParamListInfo, ParseState, PartitionBoundSpec, Portal, QueryEnvironment, RawStmt, Relation, ResultRelInfo,
    Snapshot, TupleDesc, TupleTableSlot, TupleTableSlotOps, Tuplestorestate, VirtualTransactionId,
};

#[allow(clashing_extern_declarations)]
unsafe extern "C-unwind" {
    // Errors.
    pub fn CopyErrorData() -> *mut ErrorData;
    pub fn FlushErrorState();
    pub fn ThrowErrorData(edata: *mut ErrorData);
    pub fn ProcessInterrupts();
    pub fn die(signal: c_int);

    // Parser, planner, portals.
    pub fn strip_implicit_coercions(node: *mut Node) -> *mut Node;
    pub fn FigureIndexColname(node: *mut Node) -> *mut c_char;
    pub fn pg_parse_query(query_string: *const c_char) -> *mut List;
    pub fn pg_analyze_and_rewrite_fixedparams(
        parsetree: *mut RawStmt,
        query_string: *const c_char,
        param_types: *const Oid,
        num_params: c_int,
        query_env: *mut QueryEnvironment,
    ) -> *mut List;
    pub fn pg_plan_queries(
        querytrees: *mut List,
        query_string: *const c_char,
        cursor_options: c_int,
        bound_params: ParamListInfo,
    ) -> *mut List;
    pub fn parse_analyze_fixedparams(
        parsetree: *mut RawStmt,
        source: *const c_char,
        param_types: *const Oid,
        num_params: c_int,
        query_env: *mut QueryEnvironment,
    ) -> *mut pgrx::pg_sys::Query;
    pub fn pg_plan_query(
        querytree: *mut pgrx::pg_sys::Query,
        query_string: *const c_char,
        cursor_options: c_int,
        bound_params: ParamListInfo,
    ) -> *mut pgrx::pg_sys::PlannedStmt;
    pub fn standard_ProcessUtility(
        pstmt: *mut pgrx::pg_sys::PlannedStmt,
        query_string: *const c_char,
        read_only_tree: bool,
        context: pgrx::pg_sys::ProcessUtilityContext::Type,
        params: ParamListInfo,
        query_env: *mut QueryEnvironment,
        dest: *mut DestReceiver,
        qc: *mut pgrx::pg_sys::QueryCompletion,
    );
    pub fn standard_ExecutorStart(query_desc: *mut pgrx::pg_sys::QueryDesc, eflags: c_int);
    pub fn analyze_requires_snapshot(parsetree: *mut RawStmt) -> bool;
    pub fn CreateCommandTag(parsetree: *mut Node) -> CommandTag::Type;
    pub fn CreateNewPortal() -> Portal;
    pub fn PortalDefineQuery(
        portal: Portal,
        prepared_statement: *const c_char,
        source_text: *const c_char,
        command_tag: CommandTag::Type,
        statements: *mut List,
        cached_plan: *mut c_void,
    );
    pub fn PortalStart(portal: Portal, params: ParamListInfo, eflags: c_int, snapshot: Snapshot);
    pub fn PortalDrop(portal: Portal, is_top_commit: bool);
    pub static None_Receiver: *mut DestReceiver;

    // Transactions and snapshots.
    pub fn StartTransactionCommand();
    pub fn CommitTransactionCommand();
    pub fn AbortCurrentTransaction();
    pub fn ForgetPortalSnapshots();
    pub fn CommandCounterIncrement();
    pub fn GetTransactionSnapshot() -> Snapshot;
    pub fn GetLatestSnapshot() -> Snapshot;
    pub fn PushActiveSnapshot(snapshot: Snapshot);
    pub fn PopActiveSnapshot();

    pub fn BeginInternalSubTransaction(name: *const c_char);
    pub fn RollbackAndReleaseCurrentSubTransaction();
    pub fn ReleaseCurrentSubTransaction();

    // SPI.
    pub fn SPI_connect() -> c_int;
    pub fn SPI_execute_with_args(
        src: *const c_char,
        nargs: c_int,
        argtypes: *mut Oid,
        values: *mut Datum,
        nulls: *const c_char,
        read_only: bool,
        tcount: c_long,
    ) -> c_int;
    pub fn SPI_execute_snapshot(
        plan: pgrx::pg_sys::SPIPlanPtr,
        values: *mut Datum,
        nulls: *const c_char,
        snapshot: Snapshot,
        crosscheck_snapshot: Snapshot,
        read_only: bool,
        fire_triggers: bool,
        tcount: c_long,
    ) -> c_int;
    pub fn SPI_prepare_cursor(
        src: *const c_char,
        nargs: c_int,
        argtypes: *mut Oid,
        options: c_int,
    ) -> pgrx::pg_sys::SPIPlanPtr;
    pub fn SPI_keepplan(plan: pgrx::pg_sys::SPIPlanPtr) -> c_int;
    pub fn SPI_execute_plan(
        plan: pgrx::pg_sys::SPIPlanPtr,
        values: *mut Datum,
        nulls: *const c_char,
        read_only: bool,
        tcount: c_long,
    ) -> c_int;
    pub fn SPI_getvalue(
        tuple: *mut pgrx::pg_sys::HeapTupleData,
        tupdesc: pgrx::pg_sys::TupleDesc,
        fnumber: c_int,
    ) -> *mut c_char;
    pub fn SPI_finish() -> c_int;

    // Settings.
    pub fn ExtractSetVariableArgs(stmt: *mut pgrx::pg_sys::VariableSetStmt) -> *mut c_char;
    pub fn set_config_option(
        name: *const c_char,
        value: *const c_char,
        context: pgrx::pg_sys::GucContext::Type,
        source: pgrx::pg_sys::GucSource::Type,
        action: pgrx::pg_sys::GucAction::Type,
        change_value: bool,
        elevel: c_int,
        is_reload: bool,
    ) -> c_int;

    // Query trees.
    #[cfg_attr(not(feature = "pg15"), link_name = "query_tree_mutator_impl")]
    pub fn query_tree_mutator(
        query: *mut pgrx::pg_sys::Query,
        mutator: unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node,
        context: *mut c_void,
        flags: c_int,
    ) -> *mut pgrx::pg_sys::Query;
    #[cfg_attr(not(feature = "pg15"), link_name = "expression_tree_mutator_impl")]
    pub fn expression_tree_mutator(
        node: *mut Node,
        mutator: unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node,
        context: *mut c_void,
    ) -> *mut Node;
    #[cfg_attr(not(feature = "pg15"), link_name = "raw_expression_tree_walker_impl")]
    pub fn raw_expression_tree_walker(
        node: *mut Node,
        walker: unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool,
        context: *mut c_void,
    ) -> bool;
    pub fn check_functions_in_node(
        node: *mut Node,
        checker: unsafe extern "C-unwind" fn(Oid, *mut c_void) -> bool,
        context: *mut c_void,
    ) -> bool;
    pub fn exprType(expression: *const Node) -> Oid;
    pub fn exprTypmod(expression: *const Node) -> i32;
    pub fn exprCollation(expression: *const Node) -> Oid;
    pub fn contain_volatile_functions(clause: *mut Node) -> bool;
    pub fn palloc0(size: usize) -> *mut c_void;
    pub fn pfree(pointer: *mut c_void);
    pub fn get_rel_relkind(relation: Oid) -> c_char;
    pub fn SearchSysCache1(cache: c_int, key: Datum) -> *mut pgrx::pg_sys::HeapTupleData;
    pub fn ReleaseSysCache(tuple: *mut pgrx::pg_sys::HeapTupleData);

    // Relations, types and names. The first three are not among pgrx's bindings.
    pub fn get_partition_parent(relid: Oid, even_if_detached: bool) -> Oid;
    pub fn RangeVarGetRelidExtended(
        relation: *const pgrx::pg_sys::RangeVar,
        lockmode: c_int,
        flags: u32,
        callback: *mut c_void,
        callback_arg: *mut c_void,
    ) -> Oid;
    pub fn typenameTypeIdAndMod(
        pstate: *mut c_void,
        type_name: *const pgrx::pg_sys::TypeName,
        type_oid: *mut Oid,
        modifier: *mut i32,
    );
    pub fn find_inheritance_children(parent: Oid, lockmode: c_int) -> *mut List;
    pub fn AlterTableGetLockLevel(cmds: *mut List) -> c_int;
    // Partitions and constraints. pgrx has some of them, with its guard.
    pub fn transformPartitionBound(
        pstate: *mut ParseState,
        parent: Relation,
        spec: *mut PartitionBoundSpec,
    ) -> *mut PartitionBoundSpec;
    pub fn RelationGetPartitionQual(relation: Relation) -> *mut List;
    pub fn get_proposed_default_constraint(new_partition_constraints: *mut List) -> *mut List;
    pub fn get_default_partition_oid(parent: Oid) -> Oid;
    pub fn get_relation_idx_constraint_oid(relation: Oid, index: Oid) -> Oid;
    pub fn ChooseConstraintName(
        first: *const c_char,
        second: *const c_char,
        label: *const c_char,
        schema: Oid,
        others: *mut List,
    ) -> *mut c_char;
    pub fn ConstraintNameIsUsed(category: c_int, object: Oid, name: *const c_char) -> bool;
    pub fn PartConstraintImpliedByRelConstraint(relation: Relation, constraint: *mut List) -> bool;
    pub fn eval_const_expressions(root: *mut c_void, node: *mut Node) -> *mut Node;
    pub fn find_all_inheritors(parent: Oid, lockmode: c_int, numparents: *mut *mut List) -> *mut List;
    pub fn transformExpr(state: *mut pgrx::pg_sys::ParseState, expression: *mut Node, kind: u32) -> *mut Node;
    pub fn assign_expr_collations(state: *mut pgrx::pg_sys::ParseState, expression: *mut Node);
    pub fn cookDefault(
        state: *mut pgrx::pg_sys::ParseState,
        raw_default: *mut Node,
        type_oid: Oid,
        modifier: i32,
        name: *const c_char,
        generated: c_char,
    ) -> *mut Node;
    pub fn expression_planner(expression: *mut pgrx::pg_sys::Expr) -> *mut pgrx::pg_sys::Expr;
    pub fn canonicalize_qual(condition: *mut pgrx::pg_sys::Expr, is_check: bool) -> *mut pgrx::pg_sys::Expr;
    pub fn predicate_implied_by(wanted: *mut List, known: *mut List, weak: bool) -> bool;
    pub fn map_variable_attnos(
        node: *mut Node,
        varno: c_int,
        sublevels_up: c_int,
        map: *const pgrx::pg_sys::AttrMap,
        to_rowtype: Oid,
        found_whole_row: *mut bool,
    ) -> *mut Node;
    pub fn transformIndexStmt(
        relid: Oid,
        stmt: *mut pgrx::pg_sys::IndexStmt,
        query_string: *const c_char,
    ) -> *mut pgrx::pg_sys::IndexStmt;
    // Rows of our own, written and read without SQL.
    pub fn pg_event_trigger_ddl_commands(fcinfo: FunctionCallInfo) -> Datum;
    pub fn pg_event_trigger_dropped_objects(fcinfo: FunctionCallInfo) -> Datum;
    pub fn setval_oid(fcinfo: FunctionCallInfo) -> Datum;
    pub fn DirectFunctionCall2Coll(
        function: unsafe extern "C-unwind" fn(FunctionCallInfo) -> Datum,
        collation: Oid,
        first: Datum,
        second: Datum,
    ) -> Datum;
    pub fn LockAcquire(tag: *const LOCKTAG, lockmode: c_int, for_session: bool, dont_wait: bool) -> c_int;
    pub fn LockRelease(tag: *const LOCKTAG, lockmode: c_int, for_session: bool) -> bool;
    pub fn GetLockConflicts(tag: *const LOCKTAG, lockmode: c_int, count: *mut c_int) -> *mut VirtualTransactionId;
    pub fn has_subclass(relation: Oid) -> bool;
    pub fn func_volatile(function: Oid) -> c_char;
    pub fn getOwnedSequences(relation: Oid) -> *mut List;
    pub fn GetTopFullTransactionId() -> FullTransactionId;
    pub static TTSOpsVirtual: TupleTableSlotOps;
    pub static TTSOpsMinimalTuple: TupleTableSlotOps;
    pub fn MakeSingleTupleTableSlot(shape: TupleDesc, operations: *const TupleTableSlotOps) -> *mut TupleTableSlot;
    pub fn ExecDropSingleTupleTableSlot(slot: *mut TupleTableSlot);
    pub fn ExecStoreVirtualTuple(slot: *mut TupleTableSlot) -> *mut TupleTableSlot;
    pub fn slot_getsomeattrs_int(slot: *mut TupleTableSlot, count: c_int);
    pub fn tuplestore_gettupleslot(
        store: *mut Tuplestorestate,
        forward: bool,
        copy: bool,
        slot: *mut TupleTableSlot,
    ) -> bool;
    pub fn tuplestore_end(store: *mut Tuplestorestate);
    pub fn table_open(relation: Oid, lockmode: c_int) -> Relation;
    pub fn table_close(relation: Relation, lockmode: c_int);
    pub fn CreateExecutorState() -> *mut EState;
    pub fn FreeExecutorState(state: *mut EState);
    pub fn InitResultRelInfo(
        result: *mut ResultRelInfo,
        relation: Relation,
        index: c_uint,
        root: *mut ResultRelInfo,
        instrument: c_int,
    );
    pub fn ExecOpenIndices(result: *mut ResultRelInfo, speculative: bool);
    pub fn ExecCloseIndices(result: *mut ResultRelInfo);
    pub fn ExecSimpleRelationInsert(result: *mut ResultRelInfo, state: *mut EState, slot: *mut TupleTableSlot);
    pub fn AfterTriggerBeginQuery();
    pub fn AfterTriggerEndQuery(state: *mut EState);
}
