# ipset: lists of sets, references, renaming, swapping, destroying
# area: netfilter
i() { t ipset "$@"; }
for s in a b c d; do i create $s hash:ip initval 1; done
i create l list:set
i create k list:set size 2
i add l a
i add l b
i add l c before a
i add l d after a
i list l
i add l a
i add l a -exist
i add l l
i add l k
i add l nope
i add k a before nope
i add k a before b
i add k a after a
i add k a,before,b
i add k a
i add k b,before,a
i add k c,after
i add k c,foo,a
i add k c
i add k d
i list k
i test l a
i test l a before d
i test l a before c
i test l a after c
i test l nope
i test k d
i del k d before a
i del k d after c
i del k d
i del k d -exist
i del k d before a
i list a -t
i destroy a
i destroy
i rename a x
i rename l ll
i rename d d
i create e hash:ip initval 2
i rename e f
i add f 10.0.0.1
i swap f a
i list a
i list f
i list ll
i swap ll a
i swap ll k
i list ll
i destroy d
i flush ll
i flush k
i list -t ll
i destroy a
i destroy k
i destroy
i list
i create l list:set timeout 0 counters comment
i create a hash:ip
i add l a comment '"x y"' packets 4
i list l
i save l
i destroy l
i destroy a
