"""The till: a tablet beside one reader. Who tapped, what they ordered, what they must not eat; product keys, cash, taking back.

The device answers a tap by itself; this page only follows. Who was merely identified waits here until somebody sells or passes on, so
nobody is lost while a sale is typed. What is being typed stands in the page's address: the hub keeps no half-done sale.
"""
