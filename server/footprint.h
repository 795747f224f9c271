/*
 * server/footprint.h - memory that only the start needed.
 */
#ifndef SPASS_SERVER_FOOTPRINT_H
#define SPASS_SERVER_FOOTPRINT_H

/*
 * Lets go of the pages of code and constants, the program's and its libraries', that reading them
 * in has mapped; what is used again comes back from the page cache.  Freed heap goes too.  Once,
 * when all workers run.  Any thread.
 */
void footprint_trim(void);

#endif
