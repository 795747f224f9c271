/*
 * common/store/db_log.h - a commit's pages in one write.
 *
 * SQLite writes a commit to its log page by page, two system calls each, and then syncs.  Through
 * the file system of that name what it appends is gathered, and written with the commit's last
 * page: nobody looks at a commit that is not whole.  All other files are the default file system's
 * own.
 */
#ifndef SPASS_STORE_DB_LOG_H
#define SPASS_STORE_DB_LOG_H

#define DB_LOG_VFS "spass-log"

/* Before a connection is opened with that name; once in a process. */
void db_log_register(void);

#endif
