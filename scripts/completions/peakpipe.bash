# Completion for bash: options of the programs of peakpipe, and what they take.
# make install gives each program a link to this file.

# Options of a program, with a colon behind those that take an argument.
_peakpipe_options()
{
	case $1 in
	q2slots) echo -n: ;;
	q2cat) echo -K -c -v -C: -L: -e: -i: -k: -l: -n: -r: -s: -w: ;;
	peakfind) echo -k -v -w -A: -a: -b: -c: -P: -x: ;;
	cxiwrite) echo -d -f -R -r -v -b: -g: -j: -l: -M: -m: -n: -o: -p: -S: -z: ;;
	q2serve) echo -D -v -G: -g: -k: -l: -M: -m: -n: -w: ;;
	q2ls) echo -p ;;
	q2sim) echo -C: -D: -e: -g: -n: -S: -T: -t: -x: -z: ;;
	cxiview) echo -m -P -s -e: -g: -o: -t: ;;
	cxireport) echo -g: -l: -o: -S: ;;
	cximerge) echo -c -x -o: ;;
	ray2q2) echo -c -v -A: -C: -e: -k: -N: -q: -s: -t: -w: ;;
	q2top) echo -i: -n: ;;
	peakpipe) echo -N -b: -g: -i: -m: -o: -p: -w: -z: ;;
	peakpipe-array) echo -N -b: -g: -m: -n: -o: -w: -z: ;;
	esac
}

# What an option takes: words, "files", "directories" or nothing that we know.
_peakpipe_words()
{
	case $1 in
	'q2cat -L') echo unix: tcp: ;;
	'q2serve -l') echo tcp:// ipc:// ;;
	'q2cat -w' | 'ray2q2 -w' | 'peakpipe -w' | 'peakpipe-array -w') echo A nm ;;
	'q2sim -D') echo epix10k2m jungfrau4m mfx cspad ;;
	'q2sim -t') echo f32 f16 bf16 ;;
	'cxiwrite -z' | 'peakpipe -z' | 'peakpipe-array -z') echo none gzip bslz4 ;;
	'cxiwrite -o' | 'peakpipe -o' | 'peakpipe-array -o') echo directories ;;
	*' -b' | *' -g' | 'q2serve -G' | 'peakfind -x' | 'cxiwrite -l' | 'cxiwrite -S' | 'q2sim -T' | \
	'cxiview -o' | 'cxireport -'[loS] | 'cximerge -o' | 'ray2q2 -e') echo files ;;
	esac
}

_peakpipe()
{
	local program=${1##*/} word=$2 before=$3 options words
	options=$(_peakpipe_options "$program")
	COMPREPLY=()
	if [[ $before == -? && " $options " == *" $before: "* ]]; then
		words=$(_peakpipe_words "$program $before")
		case $words in
		files) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
		directories) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
		*) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
		esac
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${options//:/}" -- "$word")
	elif [[ $program == q2slots ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
	elif [[ $program != peakfind && $program != cxiwrite && $program != q2serve ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -o filenames -F _peakpipe q2slots q2cat peakfind cxiwrite q2serve q2ls q2sim cxiview \
	cxireport cximerge ray2q2 peakpipe peakpipe-array q2top
