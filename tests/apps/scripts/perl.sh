perl - <<'P'
use strict; use warnings;
use IO::Socket::INET; use Socket; use IPC::Open3; use POSIX; use Digest::MD5 'md5_hex'; use File::Temp;
$| = 1;
print `echo back; exit 3`, $? >> 8, "\n";
my @children = map { my $n = $_; my $pid = fork; exit $n unless $pid; $pid } 1 .. 5;
print join(",", map { waitpid $_, 0; $? >> 8 } @children), "\n";
$SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 5; };
print $@;
my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die;
if (!fork) {
    for (1 .. 5) { my $c = $server->accept; print $c uc scalar <$c>; close $c }
    exit;
}
for (1 .. 5) {
    my $c = IO::Socket::INET->new("127.0.0.1:" . $server->sockport);
    print $c "line $_\n";
    print scalar <$c>;
}
wait;
my $pid = open3(my $in, my $out, undef, "tr a-z A-Z");
print $in "abc\n";
close $in;
print <$out>;
waitpid $pid, 0;
socketpair(my $left, my $right, AF_UNIX, SOCK_STREAM, 0);
syswrite $left, "q";
sysread $right, my $byte, 1;
print "$byte ", md5_hex("a"), "\n";
my $file = File::Temp->new;
print $file "x" x 100000;
close $file;
print -s "$file", " ", POSIX::strftime("%F", gmtime 0), "\n";
P
