// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bug.h>
#include <linux/module.h>

static int times = 1;
module_param(times, int, 0444);

static int __init own_init(void)
{
	int i;

	for (i = 0; i < times; i++)
		WARN_ON(1);
	return 0;
}
module_init(own_init);

MODULE_DESCRIPTION("a WARN_ON of one's own");
MODULE_LICENSE("GPL");
