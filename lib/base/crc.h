/* CRC-32C (Castagnoli, RFC 3720 appendix B.4) by ISA-L, which uses the CPU's. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of n bytes; crc32c("123456789") is 0xe3069283. */
uint32_t	crc32c(const void *, size_t n);

/* The same without ISA-L and slower: for libq2, which needs libc only. */
uint32_t	crc32c_plain(const void *, size_t n);

#endif
