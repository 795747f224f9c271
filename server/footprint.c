/*
 * server/footprint.c - see footprint.h.
 *
 * Thirty libraries are loaded, most for what a gateway seldom does; linking and initialising them
 * maps most of their pages.
 */
#include "server/footprint.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that are never written: their pages are copies of the file, whatever happens. */
static int drop_constant(struct dl_phdr_info *info, size_t size, void *context)
{
	const uintptr_t page = *(const uintptr_t *)context;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;
		uintptr_t end = (start + segment->p_filesz) & ~(page - 1);

		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
			continue;
		start &= ~(page - 1);
		if (end > start)
			madvise((void *)start, end - start, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
	}
	return 0;
}

void footprint_trim(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	malloc_trim(0);
	dl_iterate_phdr(drop_constant, &page);
}
