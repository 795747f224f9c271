/*
 * common/store/db_log.h - a commit's frames in one write.
 *
 * SQLite writes a commit to its log page by page, two system calls each, and then syncs.  Through
 * the file system of that name what it appends is gathered, and written when it asks for the sync:
 * nobody may look at it earlier.  That holds for connections that sync each commit
 * (synchronous=FULL), which our writers do.  All other files are the default file system's own.
 */
#ifndef SPASS_STORE_DB_LOG_H
#define SPASS_STORE_DB_LOG_H

#define DB_LOG_VFS "spass-log"

/* Before a connection is opened with that name; once in a process. */
void db_log_register(void);

#endif
