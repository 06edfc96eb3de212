select name, arguments, question, how, example from audit.questions order by place
