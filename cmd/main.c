/* cmd/main.c - finds the command's row and runs it. */
#include <stdio.h>

int main(void)
{
	puts("spass " SPASS_VERSION);
	return 0;
}
