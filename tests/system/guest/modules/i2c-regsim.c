// SPDX-License-Identifier: GPL-2.0-or-later
/* i2c-regsim: bus 1 with chips that are nothing but registers. Unlike i2c-stub it takes raw I2C_RDWR transfers as well as
 * SMBus ones, knows registers of two bytes (INA226) and of one (DS3231), and can be made to fail as buses do.
 *
 *   modprobe i2c-regsim chip_addr=0x40,0x68 chip_width=2,1
 *   /sys/kernel/debug/i2c-regsim/0xNN    512 bytes: register r at offset width * r, big-endian
 *   /sys/kernel/debug/i2c-regsim/absent  bit mask over the chips in their order: those do not acknowledge
 *   /sys/kernel/debug/i2c-regsim/slow_ms every transfer takes this long
 *   /sys/kernel/debug/i2c-regsim/xfers   how many transfers there were
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/i2c.h>
#include <linux/module.h>
#include <linux/mutex.h>

#define CHIPS 8
#define BYTES 512

static ushort chip_addr[CHIPS], chip_width[CHIPS] = { [0 ... CHIPS - 1] = 1 };
static int chips_n, widths_n;
module_param_array(chip_addr, ushort, &chips_n, 0444);
module_param_array(chip_width, ushort, &widths_n, 0444);

static struct { u8 regs[BYTES]; unsigned int at; } chips[CHIPS];
static u32 absent, slow_ms, xfers;
static DEFINE_MUTEX(lock);

static int find(u16 addr)
{
	int i;

	for (i = 0; i < chips_n; i++)
		if (chip_addr[i] == addr && !(absent & BIT(i)))
			return i;
	return -1;
}

static void one(int i, struct i2c_msg *m)
{
	int j;

	if (m->flags & I2C_M_RD) {
		for (j = 0; j < m->len; j++)
			m->buf[j] = chips[i].regs[(chips[i].at + j) % BYTES];
		return;
	}
	if (!m->len)
		return;
	chips[i].at = m->buf[0] * chip_width[i];
	for (j = 1; j < m->len; j++)
		chips[i].regs[(chips[i].at + j - 1) % BYTES] = m->buf[j];
}

static int xfer(struct i2c_adapter *adapter, struct i2c_msg *m, int n)
{
	int k, i, ret = n;

	if (slow_ms)
		msleep(slow_ms);
	mutex_lock(&lock);
	xfers++;
	for (k = 0; k < n; k++) {
		i = find(m[k].addr);
		if (i < 0) {
			ret = -EREMOTEIO; /* as i2c-bcm2835 says it */
			break;
		}
		one(i, &m[k]);
	}
	mutex_unlock(&lock);
	return ret;
}

static u32 func(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL;
}

static const struct i2c_algorithm algo = { .master_xfer = xfer, .functionality = func };
static struct i2c_adapter adapter = {
	.owner = THIS_MODULE, .algo = &algo, .nr = 1, .name = "bcm2835 (i2c@7e804000) simulated",
};

static ssize_t regs_read(struct file *f, char __user *b, size_t n, loff_t *o)
{
	return simple_read_from_buffer(b, n, o, chips[(long)file_inode(f)->i_private].regs, BYTES);
}

static ssize_t regs_write(struct file *f, const char __user *b, size_t n, loff_t *o)
{
	ssize_t done;

	mutex_lock(&lock);
	done = simple_write_to_buffer(chips[(long)file_inode(f)->i_private].regs, BYTES, o, b, n);
	mutex_unlock(&lock);
	return done;
}

static const struct file_operations regs_ops = {
	.owner = THIS_MODULE, .read = regs_read, .write = regs_write, .llseek = default_llseek,
};
static struct dentry *dir;

static int __init regsim_init(void)
{
	char name[8];
	int i;

	if (!chips_n)
		return -ENODEV;
	dir = debugfs_create_dir("i2c-regsim", NULL);
	debugfs_create_u32("absent", 0644, dir, &absent);
	debugfs_create_u32("slow_ms", 0644, dir, &slow_ms);
	debugfs_create_u32("xfers", 0444, dir, &xfers);
	for (i = 0; i < chips_n; i++) {
		snprintf(name, sizeof(name), "0x%02x", chip_addr[i]);
		debugfs_create_file(name, 0644, dir, (void *)(long)i, &regs_ops);
	}
	i = i2c_add_numbered_adapter(&adapter);
	if (i)
		debugfs_remove(dir);
	return i;
}

static void __exit regsim_exit(void)
{
	i2c_del_adapter(&adapter);
	debugfs_remove(dir);
}

module_init(regsim_init);
module_exit(regsim_exit);
MODULE_DESCRIPTION("I2C chips that are nothing but registers");
MODULE_LICENSE("GPL");
