package cli

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"
)

// Version is the module's, as the build knows it.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// help lists the commands, examples first.
func (p *Program) help(w io.Writer) {
	for _, c := range p.Commands {
		if c.Example != "" {
			fmt.Fprintln(w, indent(firstLine(c.Example)))
		}
	}
	fmt.Fprintf(w, "\n%s: %s\n\nCommands:\n", p.Name, p.Short)
	for _, c := range p.Commands {
		fmt.Fprintf(w, "  %-44s %s\n", strings.Join(nonEmpty(p.Name, c.Name, c.Args), " "), c.Short)
	}
	fmt.Fprintf(w, "\n%s COMMAND --help tells the flags. Also: completion bash|zsh|fish, man, version.\n", p.Name)
	fmt.Fprintln(w, "Exit codes: 0 fine; 1 said no; 2 usage; 3 not supported; 4 some inputs failed; 5 broken file or data; 130 interrupted.")
}

func (p *Program) commandHelp(w io.Writer, c Command, fs *pflag.FlagSet) {
	if c.Example != "" {
		fmt.Fprintln(w, indent(c.Example))
	}
	fmt.Fprintf(w, "\n%s\n\nUsage: %s [flags]\n", c.Short, strings.Join(nonEmpty(p.Name, c.Name, c.Args), " "))
	if u := fs.FlagUsages(); u != "" {
		fmt.Fprintf(w, "\n%s", u)
	}
	if c.Name == "" && len(p.names()) > 0 {
		fmt.Fprintf(w, "\nCommands: %s\n", strings.Join(p.names(), ", "))
	}
}

func nonEmpty(parts ...string) (out []string) {
	for _, s := range parts {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ")
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return first
}

// man writes a manual page from the FlagSets.
func (p *Program) man(w io.Writer) {
	fmt.Fprintf(w, ".TH %s 1\n.SH NAME\n%s \\- %s\n", strings.ToUpper(p.Name), p.Name, p.Short)
	for _, c := range p.Commands {
		fs, _ := c.flags(p.Name)
		fmt.Fprintf(w, ".SH %s\n%s\n", strings.ToUpper(strings.Join(nonEmpty(p.Name, c.Name, c.Args), " ")), c.Short)
		if c.Example != "" {
			fmt.Fprintf(w, ".PP\n.nf\n%s\n.fi\n", strings.ReplaceAll(strings.TrimSpace(c.Example), "-", "\\-"))
		}
		fs.VisitAll(func(f *pflag.Flag) {
			name := "\\-\\-" + f.Name
			if f.Shorthand != "" {
				name = "\\-" + f.Shorthand + ", " + name
			}
			fmt.Fprintf(w, ".TP\n.B %s\n%s\n", name, strings.ReplaceAll(f.Usage, "`", ""))
		})
	}
}

// completion writes a shell's completion from the FlagSets.
func (p *Program) completion(w io.Writer, args []string) error {
	if len(args) != 1 {
		return Usagef("completion takes a shell: bash, zsh or fish")
	}
	flags := map[string][]string{}
	for _, c := range p.Commands {
		fs, _ := c.flags(p.Name)
		fs.VisitAll(func(f *pflag.Flag) { flags[c.Name] = append(flags[c.Name], "--"+f.Name) })
	}
	switch args[0] {
	case "bash", "zsh":
		if args[0] == "zsh" {
			fmt.Fprintf(w, "autoload -U +X bashcompinit && bashcompinit\n")
		}
		fmt.Fprintf(w, "_%s() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words\n  case ${COMP_WORDS[1]} in\n", p.Name)
		for _, name := range p.names() {
			fmt.Fprintf(w, "    %s) words=\"%s\";;\n", name, strings.Join(flags[name], " "))
		}
		fmt.Fprintf(w, "    *) words=\"%s\";;\n  esac\n", strings.Join(append(p.names(), flags[""]...), " "))
		fmt.Fprintf(w, "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _%s %s\n", p.Name, p.Name)
	case "fish":
		for _, c := range p.Commands {
			condition := "__fish_use_subcommand"
			if c.Name != "" {
				fmt.Fprintf(w, "complete -c %s -n __fish_use_subcommand -a %s -d '%s'\n", p.Name, c.Name, strings.ReplaceAll(c.Short, "'", ""))
				condition = "__fish_seen_subcommand_from " + c.Name
			}
			for _, f := range flags[c.Name] {
				fmt.Fprintf(w, "complete -c %s -n '%s' -l %s\n", p.Name, condition, strings.TrimPrefix(f, "--"))
			}
		}
	default:
		return Usagef("completion knows bash, zsh and fish, not %q", args[0])
	}
	return nil
}
