#!/usr/bin/perl
# Asks the kernel for what a sandbox must not get, and prints one "name errno" line for each: 0 means that it was given.
# perl, since Node can neither open a socket of any family nor make a system call, and Debian always has perl.
use strict;
use warnings;

my $arm = `uname -m` =~ /aarch64/;
my %number = $arm
  ? (unshare => 97, mount => 40, ptrace => 117, bpf => 280, keyctl => 219, io_uring_setup => 425, setns => 268, init_module => 105)
  : (unshare => 272, mount => 165, ptrace => 101, bpf => 321, keyctl => 250, io_uring_setup => 425, setns => 308, init_module => 175);

sub told { my ($name, $given) = @_; printf "%s %d\n", $name, $given ? 0 : $! + 0 }

# Each try in a child: where one of them is given, it must not change this process for the next.
sub try_in_child {
  my ($name, $code) = @_;
  my $pid = fork() // die "fork: $!";
  if ($pid == 0) { told($name, $code->()); exit 0 }
  waitpid $pid, 0;
  printf "%s %d\n", $name, 1000 + ($? & 127) if $? != 0;
}

$| = 1;
# family, type, protocol: families that are not bound to the network namespace, or that see below TCP and UDP.
my %sockets = (
  'sockets.vsock' => [40, 1, 0], 'sockets.alg' => [38, 5, 0], 'sockets.packet' => [17, 3, 0], 'sockets.tipc' => [30, 5, 0],
  'sockets.rds' => [21, 5, 0], 'sockets.bluetooth' => [31, 3, 0], 'sockets.raw' => [2, 3, 1], 'sockets.netfilter' => [16, 3, 12],
);
for my $name (sort keys %sockets) {
  try_in_child($name, sub { socket(my $socket, $sockets{$name}[0], $sockets{$name}[1], $sockets{$name}[2]) });
}
try_in_child('calls.io-uring', sub { my $parameters = "\0" x 120; syscall($number{io_uring_setup}, 8, $parameters) >= 0 });
try_in_child('calls.user-namespace', sub { syscall($number{unshare}, 0x10000000) >= 0 });
try_in_child('calls.network-namespace', sub { syscall($number{unshare}, 0x40000000) >= 0 });
try_in_child('calls.mount', sub { my ($none, $to, $type) = ('none', '/tmp', 'tmpfs'); syscall($number{mount}, $none, $to, $type, 0, 0) >= 0 });
try_in_child('calls.ptrace', sub { syscall($number{ptrace}, 0, 0, 0, 0) >= 0 });
try_in_child('calls.bpf', sub { my $attributes = pack('L4', 1, 4, 4, 1) . "\0" x 48; syscall($number{bpf}, 0, $attributes, 64) >= 0 });
try_in_child('calls.keyctl', sub { syscall($number{keyctl}, 0, -4, 1) >= 0 });
try_in_child('calls.setuid', sub { my $old = $<; $< = $> = 0; $> == 0 && $old != 0 });
