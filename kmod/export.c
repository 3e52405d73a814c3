// SPDX-License-Identifier: GPL-2.0-only
/* What the suites of kunit/ use, where they are a module of their own. */
#include <linux/export.h>

#include "balance.h"
#include "charge.h"
#include "counter.h"
#include "pool.h"
#include "snapshot.h"

/* all in one place, apart from what they export */
#define EXPORT(symbol) EXPORT_SYMBOL_GPL(symbol)

EXPORT(skbal_balance_all);
EXPORT(skbal_balance_is_fractional);
EXPORT(skbal_balance_pages);
EXPORT(skbal_balance_settle);
EXPORT(skbal_charge_error_queue);
EXPORT(skbal_charge_zerocopy);
EXPORT(skbal_class_names);
EXPORT(skbal_counters_free);
EXPORT(skbal_pool_names);
EXPORT(skbal_pools_get);
EXPORT(skbal_pools_put);
EXPORT(skbal_snapshot_free);
EXPORT(skbal_verdict_names);
