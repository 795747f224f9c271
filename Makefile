# spass - see README.md.  `make run` and `make check` are all a fresh machine needs.
#
# MODE=release|debug|asan|tsan|cov   each builds in its own build/$(MODE)
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
# On all cores, unless -j says otherwise; `make clean all` is one thing after the other.
ifeq ($(MAKELEVEL)$(filter clean,$(MAKECMDGOALS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

VERSION := 0.1.0
MODE    ?= release
PREFIX  ?= /usr/local
# For another machine: make CROSS=aarch64-linux-gnu-, with its compiler and its libraries (Debian's
# PACKAGE:arm64) installed; `unit` runs there what binfmt (qemu-user-static) can run.
CROSS   ?=
B       := build/$(CROSS)$(MODE)

ifeq ($(origin CC),default)
CC := $(CROSS)gcc
endif
ifeq ($(origin AR),default)
AR := $(CROSS)ar
endif
PKG_CONFIG ?= pkg-config
ifneq ($(CROSS),)
ifeq ($(shell command -v $(CROSS)gcc),)
$(error there is no $(CROSS)gcc; Debian has compilers for other machines in packages like gcc-aarch64-linux-gnu)
endif
PKG_CONFIG_LIBDIR ?= /usr/lib/$(CROSS:-=)/pkgconfig:/usr/share/pkgconfig
override PKG_CONFIG := PKG_CONFIG_LIBDIR=$(PKG_CONFIG_LIBDIR) $(PKG_CONFIG)
endif
CC_IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null | head -1))

LIBS := libwebsockets libcurl jansson sqlite3 yaml-0.1 readline ncursesw libcrypto libssl zlib liblz4 md4c libarchive libxml-2.0
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(LIBS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS   = $(shell $(PKG_CONFIG) --libs $(LIBS) 2>/dev/null) -lstemmer -lev -lboost_context -lpthread -lm

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wundef -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wformat=2 -Wvla -Wdouble-promotion -Wnull-dereference -Wimplicit-fallthrough
ifeq ($(CC_IS_CLANG),)
WARN += -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wcast-align=strict
endif
WERROR ?=

OPT_release := -O2 -g -fno-plt -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPT_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPT_cov     := -O0 -g --coverage
OPT_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
OPT := $(OPT_$(MODE))
# The program as a whole is optimised once more when it is linked; tests are linked as they are.
ifeq ($(MODE)$(CC_IS_CLANG),release)
LTO := -flto=auto
LTO_OBJ := -flto -ffat-lto-objects
NO_LTO := -fno-lto
endif
ifeq ($(MODE),tsan)
# The children of some tests start threads of their own.
export TSAN_OPTIONS := suppressions=$(CURDIR)/tests/support/tsan.supp die_after_fork=0
endif
ifeq ($(OPT),)
$(error MODE=$(MODE) is not one of release, debug, asan, tsan, cov, fuzz)
endif

CPPFLAGS := -I. -D_GNU_SOURCE -DSPASS_VERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"'
CFLAGS   ?=
ALL_CFLAGS = -std=c11 $(OPT) $(LTO_OBJ) -fPIE -fvisibility=hidden -pthread $(WARN) $(WERROR) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(OPT) -pie -Wl,-z,relro,-z,now $(LDFLAGS)

SRC := $(wildcard common/*/*.c server/*.c server/*/*.c tui/*.c cmd/*.c)
LIB_OBJ := $(patsubst %.c,$B/%.o,$(filter-out cmd/main.c,$(SRC))) $B/assets.o
# tests/support: what unit tests link, and the tools, one program each (upstream*.c + kit.c = upstream).
TOOLS := upstream e2e load crash durable isolation
TOOL_SRC = $(wildcard tests/support/$1.c tests/support/$1_*.c) tests/support/kit.c
# What a tool has in common with unit tests.
TOOL_SHARED_e2e := $(wildcard tests/support/jschema*.c)
INDICES_OBJ := $(patsubst %.c,$B/%.o,$(wildcard tests/support/indices_*.c) tests/support/kit.c)
SUPPORT_OBJ := $(patsubst %.c,$B/%.o,$(filter-out %_main.c tests/support/indices_%.c $(foreach t,$(TOOLS),$(call TOOL_SRC,$t)),$(wildcard tests/support/*.c)))

# Files built into the program: common/base/asset.h.
ASSETS := $(sort $(wildcard common/model/*.yaml common/store/schema/*.sql common/rag/schema/*.sql server/site/*.html server/site/*.yaml agents/*.yaml))

.PHONY: all deps run check check-clients unit tools e2e e2e-workers terminal soak crash durable soak-durability indices soak-rag soak-rag-threads isolation soak-isolation bench replay layers unused covered headers installed lint format install uninstall clean
all: deps $B/spass

# What is missing is installed once; nothing happens when all is there.  Never for another machine.
deps:
	@$(if $(CROSS),:,sh tests/support/deps.sh build)

# Starts the gateway on 127.0.0.1:3000 with its defaults: make run [ARGS="--listen :8080"]
run: all
	@$B/spass serve --show-token $(ARGS)

$B/spass: $B/cmd/main.o $B/libspass.a
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) $(LTO) -o $@ $< $B/libspass.a $(PKG_LIBS)

$B/libspass.a: $(LIB_OBJ)
	@echo "  AR    $@"
	@rm -f $@ && $(AR) rcs $@ $(LIB_OBJ)

$B/%.o: %.c Makefile | deps
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$B/assets.S: $(ASSETS) Makefile
	@mkdir -p $(@D)
	@{ i=0; echo '.section .rodata'; for f in $(ASSETS); do \
	   printf 'a%d: .incbin "%s"\nb%d: .byte 0\nn%d: .asciz "%s"\n' $$i $$f $$i $$i $$f; i=$$((i+1)); done; \
	   printf '.section .data.rel.ro,"aw"\n.balign 8\n.globl asset_table\n.hidden asset_table\nasset_table:\n'; \
	   j=0; while [ $$j -lt $$i ]; do printf '.quad n%d,a%d,b%d-a%d\n' $$j $$j $$j $$j; j=$$((j+1)); done; \
	   printf '.quad 0,0,0\n.section .note.GNU-stack,"",@progbits\n'; } > $@
$B/assets.o: $B/assets.S | deps
	@$(CC) -c -o $@ $<

# Unit tests: tests/unit/test_NAME.c, one program each.
UNIT := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/test_*.c))
$B/unit/%: $B/tests/unit/%.o $B/libspass.a $(SUPPORT_OBJ)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) $(NO_LTO) -o $@ $< $(SUPPORT_OBJ) $B/libspass.a $(PKG_LIBS) -lcmocka
unit: deps $(UNIT)
	@sh tests/support/run_unit.sh $(UNIT)
# One of them: make unit-jscan
unit-%: $B/unit/test_%
	@$<

define TOOL_RULE
$B/tests/$1: $(patsubst %.c,$B/%.o,$(call TOOL_SRC,$1) $(TOOL_SHARED_$1))
	@echo "  LD    $$@"
	@$$(CC) $$(ALL_LDFLAGS) $$(NO_LTO) -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach t,$(TOOLS),$(eval $(call TOOL_RULE,$t)))
tools: deps $(foreach t,$(TOOLS),$(if $(wildcard tests/support/$t_main.c),$B/tests/$t))

# End-to-end cases against the real program: make e2e [ONLY='*stream*'] [WORKERS=3]
ONLY ?= *
WORKERS ?= 1
RUN_E2E = $B/tests/e2e --spass $B/spass --upstream $B/tests/upstream -j4 --only '$(ONLY)' \
	--slow $(if $(filter asan tsan,$(MODE)),4,1)
e2e: all tools
	@$(RUN_E2E) --workers $(WORKERS) tests/e2e/cases
# Over TCP with several workers: what may differ by who takes a connection.
e2e-workers: all tools
	@$(RUN_E2E) --workers 3 --transports tcp $(addprefix tests/e2e/cases/,api basic c1 wire)

# The gateway is killed while it writes: make crash [ROUNDS=500]
ROUNDS ?= 20
crash: all tools
	@$B/tests/crash --spass $B/spass --upstream $B/tests/upstream --rounds $(ROUNDS)
# The same with more kinds of writes, then on a full disk and on a read-only one.
durable: all tools
	@$B/tests/durable --spass $B/spass --rounds 5 --full 2
# Both for long: 500 times killed, 20 times without room.
soak-durability: all tools
	@$B/tests/crash --spass $B/spass --upstream $B/tests/upstream --rounds 350
	@$B/tests/durable --spass $B/spass --rounds 150 --full 20

# What keeps indices is killed while it changes them, and has no room.
$B/tests/indices: $(INDICES_OBJ) $B/libspass.a
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) $(NO_LTO) -o $@ $^ $(PKG_LIBS)
indices: deps $B/tests/indices
	@$B/tests/indices --rounds $(ROUNDS) --full 1 --threads 2
soak-rag: deps $B/tests/indices
	@$B/tests/indices --rounds 500 --full 20
# 8 readers, a writer and one who tends: make MODE=tsan soak-rag-threads [SECONDS=600]
SECONDS ?= 600
soak-rag-threads: deps $B/tests/indices
	@$B/tests/indices --rounds 0 --full 0 --threads $(SECONDS)

# Each role on each route, then everybody asks for everybody's things at once.
ISOLATION = $B/tests/isolation --spass $B/spass --upstream $B/tests/upstream
isolation: all tools
	@$(ISOLATION)
# For long, with a report on times: whether another's takes as long as nobody's.
soak-isolation: all tools
	@$(ISOLATION) --rounds 20000 --samples 4000

# The clients on real terminals; cases that need tmux are skipped without it.
terminal: all tools
	@sh tests/e2e/terminal/run.sh $B $(if $(filter asan tsan,$(MODE)),4,1)

# Every input that a fuzzer has found, through the same function, without a fuzzer.
REPLAY := $(patsubst tests/fuzz/fuzz_%.c,$B/tests/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
$B/tests/replay_%: $B/tests/fuzz/fuzz_%.o $B/tests/support/replay_main.o $B/libspass.a
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) $(NO_LTO) -o $@ $^ $(PKG_LIBS)
replay: deps $(REPLAY)
	@for f in $(REPLAY); do $$f tests/fuzz/corpus/$${f##*replay_} || exit 1; done

# Fuzzing: each harness for FUZZ_SECONDS on one core, then a table; new inputs stay in build/fuzz.
FUZZ_SECONDS ?= 600
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
.PHONY: fuzz fuzz-lib $(FUZZ:%=fuzz-%)
fuzz: $(FUZZ:%=build/fuzz/%)
	@sh tests/support/run_fuzz.sh $(FUZZ_SECONDS) $(FUZZ)
$(FUZZ:%=fuzz-%): fuzz-%: build/fuzz/%
	@sh tests/support/run_fuzz.sh $(FUZZ_SECONDS) $*
fuzz-lib:
	@sh tests/support/deps.sh fuzz
	@$(MAKE) -s MODE=fuzz CC=clang-14 build/fuzz/libspass.a
build/fuzz/%: tests/fuzz/fuzz_%.c fuzz-lib
	@echo "  LD    $@"
	@clang-14 $(CPPFLAGS) -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		$(PKG_CFLAGS) -o $@ $< build/fuzz/libspass.a $(PKG_LIBS)

# What one module costs: make bench-NAME runs tests/bench/micro_NAME.c; meaningful in MODE=release.
BENCH_OBJ := $(patsubst %.c,$B/%.o,$(filter-out tests/bench/micro_%,$(wildcard tests/bench/*.c)))
$B/tests/micro_%: $B/tests/bench/micro_%.o $(BENCH_OBJ) $B/libspass.a
	@$(CC) $(ALL_LDFLAGS) $(NO_LTO) -o $@ $^ $(PKG_LIBS)
bench-%: $B/tests/micro_%
	@$<
# Beside libraries of C++, where Debian's libfaiss-dev and libhnswlib-dev are installed.
ifneq ($(and $(wildcard /usr/include/faiss/IndexHNSW.h),$(wildcard /usr/include/hnswlib/hnswlib.h)),)
$B/tests/bench/yardstick.o: tests/bench/yardstick.cc tests/bench/yardstick.h
	@mkdir -p $(@D)
	@echo "  CXX   $<"
	@g++ -I. -std=c++17 -O3 -march=native -fPIE -c -o $@ $<
$B/tests/bench/micro_vector.o: CPPFLAGS += -DYARDSTICK
$B/tests/micro_vector: $B/tests/bench/yardstick.o
$B/tests/micro_vector: PKG_LIBS += -lfaiss -lblas -llapack -lgomp -lstdc++
endif

# Includes that point the wrong way; each header alone.
layers:
	@sh tests/support/layers.sh
# Functions of headers that the program does not use, or that one file alone uses.
unused:
	@sh tests/support/unused.sh
# Errors and routes that no case shows.
covered:
	@sh tests/support/covered.sh
# What install puts where, and that uninstall takes it away.
installed: all
	@sh tests/support/installed.sh $(MODE)
headers: deps
	@for h in $(sort $(wildcard common/*/*.h server/*.h server/*/*.h tui/*.h cmd/*.h)); do \
		echo "#include \"$$h\"" | $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Werror -fsyntax-only -x c - || { echo "$$h does not stand alone"; exit 1; }; done

# Second opinions: clang-tidy, cppcheck, shellcheck, systemd-analyze where it is; LINT="server/api/guard.c ..." for some files.
# A file is looked at again when it, what it includes or the list of checks has changed.
# make itself has a variable of this name, so ?= would leave it as it is.
ifneq ($(filter undefined default,$(origin LINT)),)
LINT := $(SRC)
endif
TIDY := $(LINT:%.c=$B/%.tidy)
.PHONY: lint-deps
lint-deps:
	@sh tests/support/deps.sh lint
$B/%.tidy: %.c .clang-tidy | lint-deps
	@mkdir -p $(@D)
	@echo "  TIDY  $<"
	@$(CC) $(CPPFLAGS) -std=c11 $(PKG_CFLAGS) -MM -MT $@ -MF $@.d $<
	@clang-tidy-14 --quiet $< -- $(CPPFLAGS) -std=c11 $(PKG_CFLAGS) 2>/dev/null
	@touch $@
lint: lint-deps
	@$(MAKE) --no-print-directory -k $(TIDY)
	@cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --error-exitcode=1 -I. -D_GNU_SOURCE \
		'-Djson_array_foreach(a,i,v)=for(i=0;(v=json_array_get(a,i));i++)' \
		'-Djson_object_foreach(o,k,v)=for(k="";(v=json_object_get(o,k));)' $(LINT)
	@shellcheck -S warning .ci/run
	@! command -v systemd-analyze >/dev/null || { mkdir -p $B && cp server/systemd/spass.socket $B && \
		sed 's|@PREFIX@/bin/spass|/bin/true|' server/systemd/spass.service > $B/spass.service && \
		systemd-analyze verify --man=no $B/spass.service $B/spass.socket; }
	@shellcheck -S warning -s sh -x -e SC1007,SC2154,SC3013,SC3025,SC3045 $(wildcard tests/*/*.sh tests/*/*/*.sh)
# As .clang-format says.
format: lint-deps
	@clang-format-14 -i $(LINT) $(if $(filter file,$(origin LINT)),$(wildcard common/*/*.h server/*.h server/*/*.h tui/*.h cmd/*.h))

# One after the other: the cases measure time.
check:
	@sh tests/support/deps.sh check
	@$(MAKE) --no-print-directory all tools
	@$(MAKE) --no-print-directory layers
	@$(MAKE) --no-print-directory unused
	@$(MAKE) --no-print-directory covered
	@$(MAKE) --no-print-directory headers
	@$(MAKE) --no-print-directory installed
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory replay
	@$(MAKE) --no-print-directory e2e
	@$(MAKE) --no-print-directory e2e-workers
	@$(MAKE) --no-print-directory crash
	@$(MAKE) --no-print-directory durable
	@$(MAKE) --no-print-directory indices
	@$(MAKE) --no-print-directory isolation
	@$(MAKE) --no-print-directory terminal

# Real client libraries; many mixed requests (SOAK=N); the figures beside nginx (ROWS="plain tls").
check-clients: all tools
	@sh tests/clients/run.sh $B $(if $(filter asan tsan,$(MODE)),4,1)
soak: all tools
	@sh tests/support/soak.sh $B $(SOAK)
bench:
	@sh tests/support/deps.sh bench
	@$(MAKE) --no-print-directory MODE=release all tools
	@sh tests/bench/bench.sh $(ROWS)

# The scripts that are checked in; tests/unit/test_completion.c compares them.
.PHONY: completions
completions: $B/spass
	@$< completion bash > completions/spass.bash
	@$< completion zsh > completions/_spass
	@$< completion fish > completions/spass.fish

# PREFIX=/usr/local and DESTDIR as usual; the unit files go to $(PREFIX)/lib/systemd/system.
MAN_DIR := $(DESTDIR)$(PREFIX)/share/man
BASH_DIR := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_DIR := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISH_DIR := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
UNIT_DIR := $(DESTDIR)$(PREFIX)/lib/systemd/system
PAGES := $(wildcard man/*.[1-8])
page_path = $(MAN_DIR)/man$(patsubst .%,%,$(suffix $1))/$(notdir $1)
install: all
	@install -D -m 755 $B/spass $(DESTDIR)$(PREFIX)/bin/spass
	@$(foreach p,$(PAGES),install -D -m 644 $p $(call page_path,$p) &&) true
	@install -D -m 644 completions/spass.bash $(BASH_DIR)/spass
	@install -D -m 644 completions/_spass $(ZSH_DIR)/_spass
	@install -D -m 644 completions/spass.fish $(FISH_DIR)/spass.fish
	@install -d $(UNIT_DIR)
	@sed 's|@PREFIX@|$(PREFIX)|' server/systemd/spass.service > $(UNIT_DIR)/spass.service
	@install -m 644 server/systemd/spass.socket $(UNIT_DIR)/spass.socket
	@echo "installed in $(DESTDIR)$(PREFIX)"

# Empty directories go too, up to DESTDIR or PREFIX; those that a system has in any case stay.
INSTALLED := $(DESTDIR)$(PREFIX)/bin/spass $(foreach p,$(PAGES),$(call page_path,$p)) $(BASH_DIR)/spass \
	$(ZSH_DIR)/_spass $(FISH_DIR)/spass.fish $(UNIT_DIR)/spass.service $(UNIT_DIR)/spass.socket
SYSTEM_DIRS := $(foreach p,/usr /usr/local,$p $(addprefix $p/,bin lib share share/man))
uninstall:
	@rm -f $(INSTALLED)
	@for d in $(sort $(patsubst %/,%,$(dir $(INSTALLED)))); do \
		until case " $(SYSTEM_DIRS) $(or $(DESTDIR),$(patsubst %/,%,$(dir $(PREFIX)))) " in \
			*" $$d "*) true;; *) ! rmdir "$$d" 2>/dev/null;; esac; do d=$${d%/*}; done; done

clean:
	rm -rf build

-include $(shell find $B -name '*.d' 2>/dev/null)
