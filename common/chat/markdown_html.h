/*
 * common/chat/markdown_html.h - Markdown as HTML that runs and loads nothing.
 *
 * HTML inside the text is shown as text; links lead only to web pages and mail addresses, and a
 * picture becomes a link to it.  Pure; any thread.
 */
#ifndef SPASS_CHAT_MARKDOWN_HTML_H
#define SPASS_CHAT_MARKDOWN_HTML_H

#include "common/base/buf.h"

/* text with what HTML has a meaning for escaped. */
void html_escape(struct buf *out, struct span text);
void markdown_html(struct buf *out, struct span text);

#endif
