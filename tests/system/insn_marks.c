/* A TCG plugin (API version 1) that counts a guest's instructions and prints the count where the guest asks for it.
 * The guest asks by getpgid(0x5eed0000 | n), which fails with ESRCH and does nothing else. One inline add a translation
 * block, so the cost is small. Instructions are no time, but they are the same on every machine. */
#include <stdint.h>
#include <stdio.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
typedef struct qemu_info qemu_info_t;
typedef void (*translated)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*called)(qemu_plugin_id_t, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
		       uint64_t);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translated);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int op, void *ptr, uint64_t imm);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, called);

#define EXPORT __attribute__((visibility("default")))
enum { ADD_U64 = 0, GETPGID = 155, MARK = 0x5eed };
EXPORT int qemu_plugin_version = 1;
static uint64_t count;

static void block(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &count, qemu_plugin_tb_n_insns(tb));
}

static void call(qemu_plugin_id_t id, unsigned cpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
		 uint64_t a6, uint64_t a7, uint64_t a8)
{
	if (number == GETPGID && a1 >> 16 == MARK)
		fprintf(stderr, "MARK %llu %llu\n", (unsigned long long)(a1 & 0xffff), (unsigned long long)count);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, block);
	qemu_plugin_register_vcpu_syscall_cb(id, call);
	return 0;
}
