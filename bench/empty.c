/* An event trigger that does nothing: what Postgres itself spends on calling one. */
#include "postgres.h"
#include "fmgr.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(empty);

Datum
empty(PG_FUNCTION_ARGS)
{
	PG_RETURN_NULL();
}
