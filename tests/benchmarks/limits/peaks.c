/* What this CPU can do at most: reading memory, and multiply-adds from registers. See measure.py.
 *
 * Each function repeats its work `times` over. Sums side by side hide the latency of an instruction. Compiled for the CPU that it runs on (-march=native).
 */
#include <stdint.h>

#ifdef __AVX512F__
#define REGISTER "zmm"
#define XOR "vpxorq"
enum { BYTES = 64 };
#else
#define REGISTER "ymm"
#define XOR "vpxor"
enum { BYTES = 32 };
#endif

int vector_bytes(void) { return BYTES; }

typedef uint64_t Vector __attribute__((vector_size(BYTES), aligned(1), may_alias));

/* Bytes are read once per time, a vector at a time. */
uint64_t read_bytes(const uint8_t *bytes, int64_t count, int64_t times) {
    Vector sums[8] = {0};
    for (int64_t t = 0; t < times; t++)
        for (int64_t i = 0; i + 8 * BYTES <= count; i += 8 * BYTES)
#pragma GCC unroll 8
            for (int s = 0; s < 8; s++) sums[s] ^= *(const Vector *)(bytes + i + BYTES * s);
    for (int s = 1; s < 8; s++) sums[0] ^= sums[s];
    uint64_t all = 0;
    for (int i = 0; i < BYTES / 8; i++) all ^= sums[0][i];
    return all;
}

/* Twelve sums in registers, as assembler: a compiler may neither merge the steps, nor move a sum to memory, nor take other
 * instructions. Factors are zero; the time of these instructions does not depend on them. */
#define TWELVE(step) step("0") step("1") step("2") step("3") step("4") step("5") step("6") step("7") step("8") step("9") step("10") step("11")
#define R(n) "%%" REGISTER n
#define CLEAR(n) XOR " " R(n) ", " R(n) ", " R(n) "\n\t"
#define USED "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13"

#define MULTIPLY(name, step)                                                                        \
    void name(int64_t times) {                                                                      \
        __asm__ volatile(TWELVE(CLEAR) CLEAR("12") ::: USED);                                       \
        for (int64_t t = 0; t < times; t++) __asm__ volatile(TWELVE(step) ::: USED);                \
    }

/* As many multiplications and additions per step and sum as a vector has numbers. */
#define FLOAT32(n) "vfmadd231ps " R("12") ", " R("12") ", " R(n) "\n\t"
MULTIPLY(multiply_float32, FLOAT32)

#if defined(__AVX512VNNI__)
#define INT8(n) "vpdpbusd " R("12") ", " R("12") ", " R(n) "\n\t"
MULTIPLY(multiply_int8, INT8)
#elif !defined(__AVX512F__)
/* Without one instruction for it: two products to 16 bits, two of those sums to 32, and added. */
#define INT8(n)                                        \
    "vpmaddubsw " R("12") ", " R("12") ", " R("13") "\n\t" \
    "vpmaddwd " R("13") ", " R("12") ", " R("13") "\n\t"   \
    "vpaddd " R("13") ", " R(n) ", " R(n) "\n\t"
MULTIPLY(multiply_int8, INT8)
#endif

#ifdef __AVX512BF16__
#define BFLOAT16(n) "vdpbf16ps " R("12") ", " R("12") ", " R(n) "\n\t"
MULTIPLY(multiply_bfloat16, BFLOAT16)
#endif
