// A crashed kernel counts the milliseconds for ever, in a loop that costs an emulated processor a minute for each second. This one stands
// still instead, as the processor of a hung machine may; everything else of the crash stays the kernel's own. Not loaded in any other test.

#include <linux/irqflags.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>

static int stand_still(struct notifier_block *block, unsigned long event, void *message)
{
	local_irq_disable();
	for (;;)
		asm volatile("hlt");
	return NOTIFY_DONE;
}

static struct notifier_block block = {
	.notifier_call = stand_still,
	.priority = INT_MIN, /* after everybody else */
};

static int __init begin(void)
{
	return atomic_notifier_chain_register(&panic_notifier_list, &block);
}

module_init(begin);
MODULE_LICENSE("Dual MIT/GPL");
