#!/bin/sh
# The completions for bash and zsh know the options that the programs tell.

. tests/lib.sh

PATH=$PATH:$PWD/scripts
unset MAKEFLAGS MAKELEVEL MFLAGS
programs=$(make -s B="$B" --eval='which: ; @echo $(PROGRAMS) $(SCRIPTS)' which)

# Options in a program's usage, one a line, a colon behind those with an argument.
usage_options() {
	"$1" -h | sed '/^See /d' | tr '\n' ' ' | grep -o '\[-[A-Za-z][^]]*\]' |
	    while read -r option argument; do
		option=$(echo "$option" | tr -d '[]-')
		if [ -n "$argument" ]; then
			echo "-$option:"
		else
			echo "$option" | fold -w 1 | sed 's/^/-/'
		fi
	done | sort
}

bash_run() {
	bash -c '. scripts/completions/peakpipe.bash; "$@"' bash "$@"
}
bash_knows() {
	usage_options "$1" >"$T/usage"
	bash_run _peakpipe_options "$1" | tr ' ' '\n' | sort >"$T/knows"
	test -s "$T/usage" && diff "$T/usage" "$T/knows"
}
# What is offered behind "PROGRAM WORD BEFORE".
offers() {
	bash -c '. scripts/completions/peakpipe.bash; _peakpipe "$@"
	    printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sort | xargs
}
zsh_knows() {
	usage_options "$1" >"$T/usage"
	zsh -f -c '_arguments() { print -rl -- "$@"; }
	    service=$1; complete_it() { . scripts/completions/_peakpipe; }; complete_it' \
	    zsh "$1" | sed -nE 's/^\*?(-[A-Za-z])\[[^]]+\]:.*/\1:/p; t
	    s/^(-[A-Za-z])\[[^]]+\]$/\1/p' | sort >"$T/knows"
	test -s "$T/usage" && diff "$T/usage" "$T/knows"
}

check 'the programs are those of the Makefile' \
    test "$(echo "$programs" | wc -w)" -ge 10
check 'bash can read its file' bash -n scripts/completions/peakpipe.bash
completes() { bash_run complete -p "$1" | grep -q '_peakpipe '; }
for p in $programs; do
	check "bash completes $p" completes "$p"
	check "bash knows the options of $p" bash_knows "$p"
done
check 'bash offers options' test "$(offers q2ls - q2ls)" = -p
check 'bash offers the words of an option' \
    test "$(offers cxiwrite g -z)" = gzip
check 'bash offers nothing for a number' test -z "$(offers cxiwrite '' -j)"
mkdir "$T/run1" && : >"$T/run1.q2"
check 'bash offers files' test "$(offers q2cat "$T/run" q2cat)" = "$T/run1 $T/run1.q2"
check 'bash offers only directories behind -o' \
    test "$(offers cxiwrite "$T/run" -o)" = "$T/run1"
if command -v zsh >"$T/which"; then
	check 'zsh can read its file' zsh -n scripts/completions/_peakpipe
	for p in $programs; do
		check "zsh completes $p" grep -qE "^#compdef .*\<$p\>" \
		    scripts/completions/_peakpipe
		check "zsh knows the options of $p" zsh_knows "$p"
	done
	# The real thing: its functions load ours and are content with it.
	loads() {
		zsh -f -c 'fpath=($PWD/scripts/completions $fpath)
		    autoload -U compinit && compinit -u -d "$1" &&
		    print $_comps[cxiwrite] $_comps[q2slots]' zsh "$T/dump"
	}
	check 'zsh finds it by itself' test "$(loads)" = '_peakpipe _peakpipe'
else
	skip 'zsh can read its file' 'no zsh'
fi
done_testing
