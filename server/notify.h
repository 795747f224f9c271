/*
 * server/notify.h - words to the service manager (sd_notify(3)), spoken by hand.
 *
 * All of it does nothing when NOTIFY_SOCKET is not set.  Any thread.
 */
#ifndef SPASS_SERVER_NOTIFY_H
#define SPASS_SERVER_NOTIFY_H

#include <stdint.h>

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
void notify_alive(void);
/* Milliseconds between two notify_alive that the manager needs (half its limit); 0: none. */
int64_t notify_alive_every_ms(void);

#endif
