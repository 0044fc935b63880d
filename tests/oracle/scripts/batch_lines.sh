# ip -batch: how lines are read, what ends a batch and what -force goes on after
# area: tools
ns a
b() { # TEXT OPTION...: a batch of this text
    printf "$1" >in
    shift
    t ip "$@" -b in
}
b 'link show \\\nlo # x \\\nlink show nope'
b 'link show \\'
b 'link show lo\nlink show \\\n'
b 'link sh\\\now lo\n'
b '# c\n  \n\t link show "lo"\n\n\n link show nope\nlink'
b "link show 'lo'\n"
b 'link show "lo'
b 'link show lo\r\n'
b 'link show lo\n-o link show lo'
b 'addr add 10.0.0.300/24 dev lo\nlink show lo' -force
b 'link frob\nlink show lo' -force
b 'route add x/24\nlink show lo' -force
b 'route get\nlink show lo' -force
b 'neigh add 10.0.0.1 lladdr zz dev lo\nlink show lo' -force
b 'neigh del 10.0.0.1 dev lo\nlink show lo' -force
b 'link del lo\nlink show lo' -force
b 'link show nope\naddr show nope\nroute show table 77\nlink show lo' -force
b 'netns nosuch\nlink show lo' -force
b 'netns del nosuch\nlink show lo' -force
b 'netns exec nope true\nlink show lo' -force
b 'netns exec nope true\nlink show lo'
b 'netns exec a ip link show nope\nnetns exec a ip -br link\nlink show lo' -force
b 'netns exec a ping -q -c 1 127.0.0.1\nnetns exec a ping -c 1 -W 0.1 10.9.9.9\nlink show lo'
b 'link show lo' -j
b 'link show lo\nlink show lo\n' -o -br
b 'link\n' -n a
b '' -force
t ip -b nosuch
t ip -force -b nosuch
t ip -b in -b nosuch
t ip -b in -n nosuch
t "echo link show lo | ip -b - link frob"
t "echo link show nope | ip -b - -force"
