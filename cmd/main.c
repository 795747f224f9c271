/* cmd/main.c - spass; everything is in the library, so that tests can call it. */
#include "cmd/cmd.h"

int main(int argc, char **argv)
{
	return cmd_main(argc, argv);
}
