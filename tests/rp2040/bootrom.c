/* What of the RP2040's mask ROM its firmware calls, written anew for the emulator, which brings no ROM (the real one is
 * Raspberry Pi's). Sources: RP2040 datasheet 2.8.3 (function and data tables), pico-sdk's pico/bootrom.h and sf_table.h.
 *
 * Flash: programming writes words through the window at 0x10..., erasing through the one at 0x11...; bench.mjs gives both
 * the meaning that they have in a NOR flash, its times, and its power cuts.
 */
#include <stdint.h>
#include <stddef.h>

static uint32_t count_ones(uint32_t v) { uint32_t n = 0; for (; v; v &= v - 1) n++; return n; }
static uint32_t leading(uint32_t v) { uint32_t n = 32; for (; v; v >>= 1) n--; return n; }
static uint32_t trailing(uint32_t v) { return v ? leading(0) - 1 - leading(v & -v) : 32; }
static uint32_t mirrored(uint32_t v) { uint32_t m = 0; for (int i = 0; i < 32; i++, v >>= 1) m = m << 1 | (v & 1); return m; }

static void *fill(uint8_t *to, int value, size_t size)
{
	for (volatile uint8_t *at = to; size; size--) *at++ = value;
	return to;
}

static void *move(uint8_t *to, const uint8_t *from, size_t size)
{
	volatile uint8_t *at = to;
	if (!(((uintptr_t)to | (uintptr_t)from) & 3))
		for (; size >= 4; size -= 4, at += 4, from += 4) *(volatile uint32_t *)at = *(const uint32_t *)from;
	for (; size; size--) *at++ = *from++;
	return to;
}

static void nothing(void) {}
static void halt(void) { for (;;) __asm volatile("wfi"); }

static void erase(uint32_t at, size_t size, uint32_t block, uint8_t command)
{
	(void)block; (void)command;
	for (volatile uint32_t *word = (uint32_t *)(0x11000000 + at); size; size -= 4) *word++ = 0xffffffff;
}

static void program(uint32_t at, const uint8_t *data, size_t size)
{
	volatile uint32_t *word = (uint32_t *)(0x10000000 + at);
	for (; size; size -= 4, data += 4) *word++ = data[0] | data[1] << 8 | data[2] << 16 | (uint32_t)data[3] << 24;
}

static void *find(const uint16_t *table, uint32_t code)
{
	for (; table[0]; table += 2)
		if (table[0] == (uint16_t)code) return (void *)(uintptr_t)table[1];
	return NULL;
}

/* Single floats by the compiler's own library. The supervisor does its sums in whole numbers; sines are not here. */
static float add(float a, float b) { return a + b; }
static float subtract(float a, float b) { return a - b; }
static float times(float a, float b) { return a * b; }
static float divided(float a, float b) { return a / b; }
__attribute__((used)) int compare(float a, float b) { return a < b ? -1 : a > b; }
/* Flags as __aeabi_cfcmple wants them: Z when equal, C clear when less. */
__attribute__((naked, used)) void compare_flags(void)
{
	__asm volatile("push {r0-r3, lr}\n bl compare\n add r0, #1\n cmp r0, #1\n pop {r0-r3, pc}");
}
static float scaled(float v, int e) { for (; e > 0; e--) v *= 2; for (; e < 0; e++) v *= 0.5f; return v; }
static int floor_of(float v) { int i = (int)v; return (float)i > v ? i - 1 : i; }
static int to_fixed(float v, int e) { return floor_of(scaled(v, e)); }
static uint32_t to_unsigned(float v) { return v <= 0 ? 0 : (uint32_t)v; }
static uint32_t to_unsigned_fixed(float v, int e) { return to_unsigned(scaled(v, e)); }
static float of_int(int v) { return (float)v; }
static float of_unsigned(uint32_t v) { return (float)v; }
static float of_fixed(int v, int e) { return scaled((float)v, -e); }
static float of_unsigned_fixed(uint32_t v, int e) { return scaled((float)v, -e); }
static float none(float v) { (void)v; return __builtin_nanf(""); }
static float root(float v)
{
	float low = 0, high = v > 1 ? v : 1;
	if (!(v >= 0)) return __builtin_nanf("");
	for (int i = 0; i < 60; i++) { float middle = low + (high - low) * 0.5f; if (middle * middle > v) high = middle; else low = middle; }
	return low;
}

#define AT(f) (const void *)(f)
__attribute__((section(".tables"), used)) const struct { uint8_t pad[2], words, pad2; const void *entries[32]; } floats = {
	{0, 0}, 32, 0, {
	AT(add), AT(subtract), AT(times), AT(divided), AT(compare), AT(compare_flags), AT(root), AT(floor_of),
	AT(to_fixed), AT(to_unsigned), AT(to_unsigned_fixed), AT(of_int), AT(of_fixed), AT(of_unsigned), AT(of_unsigned_fixed), AT(none),
	AT(none), AT(none), AT(none), AT(none), AT(none), AT(compare), AT(none), AT(none),
	AT(none), AT(none), AT(none), AT(none), AT(none), AT(none), AT(none), AT(none) } };

__attribute__((used)) static const void *const kept[] = { AT(count_ones), AT(leading), AT(trailing), AT(mirrored), AT(fill), AT(move),
	AT(nothing), AT(halt), AT(erase), AT(program), AT(find) };

/* Pointers in the tables are 16 bits wide, which C cannot write down; the assembler can. */
__asm(".section .tables, \"a\"\n"
	".macro entry a, b, function\n .byte \\a, \\b\n .2byte \\function + 1\n .endm\n"
	"functions:\n"
	" entry 'P', '3', count_ones\n entry 'R', '3', mirrored\n entry 'L', '3', leading\n entry 'T', '3', trailing\n"
	" entry 'M', 'S', fill\n entry 'S', '4', fill\n entry 'M', 'C', move\n entry 'C', '4', move\n"
	" entry 'U', 'B', halt\n entry 'I', 'F', nothing\n entry 'E', 'X', nothing\n entry 'R', 'E', erase\n entry 'R', 'P', program\n"
	" entry 'F', 'C', nothing\n entry 'C', 'X', nothing\n .4byte 0\n"
	"data:\n .byte 'S', 'F'\n .2byte floats + 4\n .byte 'S', 'D'\n .2byte floats + 4\n .4byte 0\n"
	/* 0x00 stack, reset, NMI, fault; 0x10 'M' 'u' 1, version; 0x14 functions, data, find */
	".section .vectors, \"a\"\n .4byte 0x20041f00, halt + 1, halt + 1, halt + 1\n .byte 'M', 'u', 1, 3\n"
	" .2byte functions, data, find + 1, 0\n .text\n");
