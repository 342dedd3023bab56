#!/usr/bin/perl
# Asks the kernel for what a sandbox must not get, and prints one "name errno" line for each: 0 means that it was given.
# perl, since Node can neither open a socket of any family nor make a system call, and Debian always has perl.
use strict;
use warnings;

my $arm = `uname -m` =~ /aarch64/;
my %number = $arm
  ? (unshare => 97, mount => 40, ptrace => 117, bpf => 280, keyctl => 219, io_uring_setup => 425, setns => 268, init_module => 105)
  : (unshare => 272, mount => 165, ptrace => 101, bpf => 321, keyctl => 250, io_uring_setup => 425, setns => 308, init_module => 175);

sub told { my ($name, $given) = @_; printf "%s %d\n", $name, $given ? 0 : $! + 0; return $given }

my @tries;
sub try { my ($name, $code) = @_; push @tries, [$name, $code] }

# In a child, since the filter may kill who asks; and in another one after each that was given, which may have changed it for the next.
sub try_all {
  my $next = 0;
  while ($next < @tries) {
    my $first = $next;
    my $pid = open(my $said, '-|') // die "fork: $!";
    if ($pid == 0) {
      for my $try (@tries[$next .. $#tries]) { exit 0 if told($try->[0], $try->[1]->()) }
      exit 0;
    }
    while (my $line = <$said>) { print $line; $next++ }
    close $said;
    # An end without a word is none that the kernel gave: what is left then stands as not tried, which fails.
    die "no word of $tries[$next][0]" if $? == 0 && $next == $first;
    next if $? == 0;
    printf "%s %d\n", $tries[$next][0], 1000 + ($? & 127) if $next < @tries;
    $next++;
  }
}

# Runs a program of 64 bits that executes these bytes and then ends with 0. Returns how it ended, as in `$?`.
sub run_code {
  my ($code) = @_;
  $code .= "\xb8\x3c\0\0\0" . "\x31\xff" . "\x0f\x05"; # exit(0)
  my $size = 120 + length $code;
  my $elf = "\x7fELF\x02\x01\x01" . "\0" x 9 . pack('SSLQQQLSSSSSS', 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    . pack('LLQQQQQQ', 1, 5, 0, 0x400000, 0x400000, $size, $size, 4096) . $code;
  my $path = "/tmp/airlock-32-$$";
  open my $file, '>:raw', $path or die "$path: $!";
  print $file $elf;
  close $file or die "$path: $!";
  chmod 0700, $path;
  my $ended = system { $path } $path;
  unlink $path;
  die "$path did not start" if $ended == -1;
  return $ended;
}

# A 32-bit call of a 64-bit program (getpid by int 0x80). An exit of its own means that the call came back.
sub calls_32_bit {
  # arm64: the profile names one architecture, and 32-bit programs are another; there is no such call within a 64-bit one.
  if ($arm) { $! = 1; return 0 }
  # Without the call the same program must end well, or its death would say nothing about the call.
  die 'a program without the call does not end well' if run_code('') != 0;
  my $signal = run_code("\xb8\x14\0\0\0\xcd\x80") & 127;
  $! = 1;
  # SIGSYS: the filter's. SIGSEGV: a kernel that has no such gate (ia32_emulation=off, some virtual machines) faults the program.
  return $signal != 31 && $signal != 11;
}

$| = 1;
# family, type, protocol: families that are not bound to the network namespace, or that see below TCP and UDP.
my %sockets = (
  'sockets.vsock' => [40, 1, 0], 'sockets.alg' => [38, 5, 0], 'sockets.packet' => [17, 3, 0], 'sockets.tipc' => [30, 5, 0],
  'sockets.rds' => [21, 5, 0], 'sockets.bluetooth' => [31, 3, 0], 'sockets.raw' => [2, 3, 1], 'sockets.netfilter' => [16, 3, 12],
);
for my $name (sort keys %sockets) {
  try($name, sub { socket(my $socket, $sockets{$name}[0], $sockets{$name}[1], $sockets{$name}[2]) });
}
try('calls.io-uring', sub { my $parameters = "\0" x 120; syscall($number{io_uring_setup}, 8, $parameters) >= 0 });
try('calls.user-namespace', sub { syscall($number{unshare}, 0x10000000) >= 0 });
try('calls.network-namespace', sub { syscall($number{unshare}, 0x40000000) >= 0 });
try('calls.mount', sub { my ($none, $to, $type) = ('none', '/tmp', 'tmpfs'); syscall($number{mount}, $none, $to, $type, 0, 0) >= 0 });
try('calls.ptrace', sub { syscall($number{ptrace}, 0, 0, 0, 0) >= 0 });
try('calls.bpf', sub { my $attributes = pack('L4', 1, 4, 4, 1) . "\0" x 48; syscall($number{bpf}, 0, $attributes, 64) >= 0 });
try('calls.keyctl', sub { syscall($number{keyctl}, 0, -4, 1) >= 0 });
try('calls.32-bit', \&calls_32_bit);
try('calls.setuid', sub { my $old = $<; $< = $> = 0; $> == 0 && $old != 0 });
try_all();
