/* tests/support/isolation_time.c - stub */
#include "tests/support/isolation.h"
void time_report(struct isolation *t, int samples)
{
	(void)t;
	(void)samples;
}
